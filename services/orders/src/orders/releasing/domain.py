"""Which orders wait for funds, and which of them go to work when money comes (C2–C6)."""

from dataclasses import dataclass
from enum import StrEnum

from foyer_chassis.errors import InvalidError

#: C6: at most the last three waiting orders of a customer, and no older one.
MOST_RELEASED = 3
#: The status of the directory for waiting, unless the business chose another.
BUILT_IN = "awaiting_payment"


class Mode(StrEnum):
    """C5: which invoices that are tied to no order release the last orders."""

    OFF = "off"
    ANY = "any"
    ONLINE = "online"


class NotForWaitingError(InvalidError):
    """Orders cannot wait in this status: choose one of any group but the refused and the removed (C1)."""

    title_en = "Not a status to wait in"
    title_ru = "В этом статусе заказ не может ждать"


@dataclass(frozen=True, slots=True)
class Settings:
    """Attributes:
    start_when_paid: C2: an order goes to work when its invoice is paid.
    wait_without_funds: C3: a new order on account without enough credit waits instead of being accepted.
    waiting_status: the status of the directory that it waits in.
    mode: C5 for the whole site.
    """

    start_when_paid: bool = False
    wait_without_funds: bool = True
    waiting_status: str = BUILT_IN
    mode: Mode = Mode.OFF
    version: int = 0


def nearest(customer: Mode | None, group: Mode | None, site: Mode) -> Mode:
    """C5: the rule of the customer, else of their discount group, else of the site."""
    return customer or group or site


def releases(mode: Mode, *, online: bool, balance: int) -> bool:
    """C5, C6: whether an invoice that is tied to no order releases orders.

    Args:
        balance: of the account after it was paid into, in minor units.
    """
    return balance >= 0 and (mode is Mode.ANY or (mode is Mode.ONLINE and online))
