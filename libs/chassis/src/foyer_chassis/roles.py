"""Roles: which permissions a person's role gives, for orders of which kinds (docs/features.md, "Roles").

Permissions are named `<service>:<what>`; `*_own` reaches the caller's own things only. A permission counts for the
kinds of the role that gives it: a finance officer who is a service manager too edits requests, and nothing else.
"""

from dataclasses import dataclass

REQUESTS = frozenset({"request", "premises_request"})
PLACES = frozenset({"slot_booking", "coworking", "hotel"})
GOODS = frozenset({"goods"})
MEMBERSHIPS = frozenset({"membership"})
ALL_KINDS = REQUESTS | PLACES | GOODS | MEMBERSHIPS


@dataclass(frozen=True, slots=True)
class Role:
    """`kinds`: the kinds of order that its permissions reach; what is not about orders they do not limit."""

    permissions: frozenset[str]
    kinds: frozenset[str]


_STAFF = frozenset({"notifications:own", "booking:read", "booking:read_all", "payments:read", "customers:read"})
_MANAGER = _STAFF | {
    "orders:read_all",
    "orders:edit",
    "orders:place_for",
    "customers:edit",
    "chat:orders",
    "payments:take",
}

ROLES: dict[str, Role] = {
    "customer": Role(
        frozenset(
            {
                "orders:place",
                "orders:read_own",
                "orders:cancel_own",
                "orders:act_own",
                "customers:own",
                "booking:read",
                "booking:own",
                "payments:read_own",
                "payments:pay_own",
                "chat:own",
                "notifications:own",
            }
        ),
        ALL_KINDS,
    ),
    "service_manager": Role(_MANAGER | {"chat:clients"}, REQUESTS),
    "rent_manager": Role(_MANAGER | {"booking:process"}, PLACES),
    "shop_manager": Role(_MANAGER | {"chat:clients"}, GOODS),
    # Does the work of one order after another and sees no other (B1).
    "contractor": Role(
        frozenset({"orders:read_assigned", "orders:edit", "chat:orders", "payments:read", "notifications:own"}),
        REQUESTS,
    ),
    "front_desk": Role(
        _STAFF
        | {
            "orders:read_all",
            "customers:edit",
            "booking:process",
            "booking:passes",
            "payments:take",
            "payments:refund",
        },
        MEMBERSHIPS | {"coworking"},
    ),
    "finance": Role(
        _STAFF
        | {
            "orders:read_all",
            "payments:take",
            "payments:refund",
            "payments:accounts",
            "payments:settlements",
            "payments:price_lists",
        },
        ALL_KINDS,
    ),
    "administrator": Role(
        _MANAGER
        | {
            "orders:configure",
            "customers:erase",
            "chat:clients",
            "booking:process",
            "booking:passes",
            "booking:configure",
            "payments:refund",
            "payments:accounts",
            "payments:settlements",
            "payments:price_lists",
            "payments:configure",
            "notifications:configure",
        },
        ALL_KINDS,
    ),
}

STAFF_ROLES = frozenset(ROLES) - {"customer"}


def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(ROLES[role].permissions for role in roles if role in ROLES))


def kinds_of(roles: frozenset[str], permission: str) -> frozenset[str]:
    """The kinds of order for which these roles give the permission."""
    giving = (ROLES[role] for role in roles if role in ROLES)
    return frozenset().union(*(role.kinds for role in giving if permission in role.permissions))
