"""Who calls, and what they may do: OpenID Connect access tokens, roles, permissions.

Every route says which permission it needs with `requires(...)`; one that does not is refused at start-up
(`http.build_app`). A service verifies tokens itself, whatever the gateway did before it.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx2
from fastapi import Depends, Header, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from . import log
from .errors import ForbiddenError, UnauthenticatedError, UnavailableError
from .roles import STAFF_ROLES, kinds_of, permissions_of

_logger = log.get(__name__)

#: The only algorithms a token may be signed with: asymmetric ones, so that a public key is never taken for a secret.
ALGORITHMS = ["ES256", "RS256"]
LEEWAY_SECONDS = 30
CACHED_TOKENS = 10_000


@dataclass(frozen=True)
class Caller:
    """The person behind a verified token.

    Attributes:
        locations: ids of the locations a member of staff is limited to; empty: all.
        expires_at: when the token ends, Unix seconds; a stream ends with it.
        permissions: of all roles together; `may(permission, kind)` tells for which orders.
    """

    id: UUID
    roles: frozenset[str]
    permissions: frozenset[str]
    locale: Literal["ru", "en"]
    name: str
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    locations: frozenset[str] = frozenset()
    expires_at: float = field(default=math.inf, compare=False)

    @property
    def is_staff(self) -> bool:
        return bool(self.roles & STAFF_ROLES)

    def may(self, permission: str, kind: str | None = None) -> bool:
        """Whether the caller has the permission; with `kind`: for orders of that kind."""
        if kind is None or permission not in self.permissions:
            return permission in self.permissions
        return kind in self.kinds(permission)

    def kinds(self, permission: str) -> frozenset[str]:
        """The kinds of order for which the caller has the permission."""
        return kinds_of(self.roles, permission)

    def require(self, permission: str) -> None:
        """Raises ForbiddenError without that permission."""
        if permission not in self.permissions:
            raise ForbiddenError(needs=permission)


class Verifier:
    """Checks signature, algorithm, issuer, audience and expiry against the issuer's published keys (RFC 7519, 7517).

    Keys are fetched when first needed and again when a token names one that is not known, at most every few seconds,
    so that a rotation needs no restart and a flood of forged tokens makes no flood of requests.
    """

    REFETCH_SECONDS = 5.0

    def __init__(self, *, issuer: str, jwks_url: str, audience: str, roles_claim: str = "roles") -> None:
        self._jwks_url = jwks_url
        self._roles_claim = roles_claim
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._keys: KeySet | None = None
        self._fetched_at = -self.REFETCH_SECONDS
        self._lock = asyncio.Lock()
        self._cache: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    async def verify(self, token: str) -> Caller:
        """The caller of a token.

        Raises:
            UnauthenticatedError: the token is malformed, forged, expired, or not meant for us.
            UnavailableError: the issuer's keys cannot be had.
        """
        cached = self._cache.get(token)
        if cached and cached[0] > time.time():
            return cached[1]
        claims = await self._verified_claims(token)
        caller = self._caller(claims)
        self._cache[token] = (float(claims["exp"]), caller)
        if len(self._cache) > CACHED_TOKENS:
            self._cache.popitem(last=False)
        return caller

    async def _verified_claims(self, token: str) -> dict[str, Any]:
        if self._keys is None:
            await self._fetch()
        for last in (False, True):
            try:
                if self._keys is None:
                    raise UnavailableError("The identity provider's keys cannot be had.", retry_after_seconds=5)
                decoded = jwt.decode(token, self._keys, algorithms=ALGORITHMS)
                self._claims.validate(decoded.claims)
            except (JoseError, ValueError, TypeError, KeyError) as error:
                if last or not await self._fetch():
                    raise UnauthenticatedError(f"The access token is not valid: {type(error).__name__}.") from None
            else:
                return decoded.claims
        raise UnauthenticatedError

    async def _fetch(self) -> bool:
        """Fetch the keys unless that was done just now. Whether they were fetched."""
        async with self._lock:
            if time.monotonic() - self._fetched_at < self.REFETCH_SECONDS:
                return False
            try:
                async with httpx2.AsyncClient(timeout=5) as client:
                    answer = await client.get(self._jwks_url)
                    answer.raise_for_status()
                    self._keys = KeySet.import_key_set(answer.json())
            except (httpx2.HTTPError, ValueError, JoseError) as error:
                _logger.warning("jwks_unavailable", error=f"{type(error).__name__}: {error}")
                return False
            self._fetched_at = time.monotonic()
            return True

    def _caller(self, claims: dict[str, Any]) -> Caller:
        raw = claims.get(self._roles_claim) or []
        roles = frozenset(str(role) for role in raw) if isinstance(raw, list) else frozenset()
        try:
            id_ = UUID(str(claims["sub"]))
        except ValueError:
            raise UnauthenticatedError("The access token's subject is not a UUID.") from None
        return Caller(
            id=id_,
            roles=roles,
            permissions=permissions_of(roles),
            locale="en" if str(claims.get("locale", "ru")).startswith("en") else "ru",
            name=str(claims.get("name") or ""),
            email=claims.get("email"),
            phone=claims.get("phone_number"),
            locations=frozenset(str(item) for item in claims.get("locations") or []),
            expires_at=float(claims["exp"]),
        )

    async def ping(self) -> None:
        if self._keys is None and not await self._fetch() and self._keys is None:
            raise ConnectionError("the identity provider's keys cannot be had")


async def current_caller(
    request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
) -> Caller:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError
    verifier: Verifier = request.app.state.verifier
    caller = await verifier.verify(token.strip())
    request.state.locale = caller.locale
    return caller


#: For annotations of a route's parameter; `requires` stands beside it in the route's `dependencies`.
CurrentCaller = Annotated[Caller, Depends(current_caller)]


def requires(*permissions: str) -> Any:
    """A route dependency: the caller must have at least one of these permissions."""

    async def check(caller: CurrentCaller) -> None:
        if not any(caller.may(permission) for permission in permissions):
            raise ForbiddenError(needs=list(permissions))

    check.declared_access = permissions  # type: ignore[attr-defined]
    return Depends(check)


def public(reason: str) -> Any:
    """A route dependency: anybody may call, for this reason (e.g. a provider's webhook, checked in another way)."""

    async def check() -> None:
        return None

    check.declared_access = ("public", reason)  # type: ignore[attr-defined]
    return Depends(check)


def declared_access(dependency: Callable[..., Any]) -> tuple[str, ...] | None:
    return getattr(dependency, "declared_access", None)
