"""The identity provider says who a person is; the first order with new words about them tells the other services."""

from collections import OrderedDict
from uuid import UUID

from foyer_chassis.auth import Caller
from foyer_chassis.db import Database
from foyer_contracts.orders import ContactChanged, CustomerChanged

from . import store


class KnownPeople:
    """People whose profile this process has seen stored, so that an order needs no query for it. Bounded."""

    MOST = 50_000

    def __init__(self) -> None:
        self._profiles: OrderedDict[UUID, tuple[str | None, ...]] = OrderedDict()

    def knows(self, caller: Caller) -> bool:
        return self._profiles.get(caller.id) == self._profile(caller)

    def remember(self, caller: Caller) -> None:
        self._profiles[caller.id] = self._profile(caller)
        if len(self._profiles) > self.MOST:
            self._profiles.popitem(last=False)

    @staticmethod
    def _profile(caller: Caller) -> tuple[str | None, ...]:
        return (caller.name, caller.locale, caller.email, caller.phone)


async def note_person(database: Database, caller: Caller, known: KnownPeople) -> None:
    """Keep what the token says of the caller, and publish it when it is new. Contacts go on the private exchange."""
    if known.knows(caller):
        return
    async with database.transaction() as transaction:
        version = await store.save_if_changed(transaction, caller)
        if version is not None:
            transaction.publish(
                CustomerChanged(customer_id=caller.id, display_name=caller.name, locale=caller.locale),
                subject=caller.id,
                sequence=version,
            )
            transaction.publish(
                ContactChanged(
                    person_id=caller.id,
                    display_name=caller.name,
                    locale=caller.locale,
                    email=caller.email,
                    phone=caller.phone,
                ),
                subject=caller.id,
                sequence=version,
            )
    known.remember(caller)
