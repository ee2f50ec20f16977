"""The demo people: who exists, with which roles. Everybody's password is `foyer`."""

import uuid
from dataclasses import dataclass
from typing import Any

PASSWORD = "foyer"  # noqa: S105
VISITORS = 64


@dataclass(frozen=True)
class Person:
    """One person; empty `locations` means all of them."""

    username: str
    name: str
    roles: tuple[str, ...]
    locale: str = "ru"
    locations: tuple[str, ...] = ()

    @property
    def sub(self) -> str:
        """A UUID that is the same on every machine."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"foyer:{self.username}"))

    @property
    def claims(self) -> dict[str, Any]:
        """What the tokens say about this person."""
        return {
            "sub": self.sub,
            "preferred_username": self.username,
            "name": self.name,
            "email": f"{self.username}@example.test",
            "email_verified": True,
            "phone_number": f"+7900{uuid.UUID(self.sub).int % 10**7:07d}",
            "locale": self.locale,
            "roles": list(self.roles),
            "locations": list(self.locations),
        }


_CUSTOMER = ("customer",)

PEOPLE: dict[str, Person] = {
    person.username: person
    for person in (
        Person("anna", "Анна Смирнова", _CUSTOMER),
        Person("boris", "Борис Кузнецов", _CUSTOMER),
        Person("carol", "Carol Baker", _CUSTOMER, "en"),
        Person("rita", "Рита Орлова", ("rent_manager",)),
        Person("sergey", "Сергей Волков", ("service_manager",)),
        Person("petr", "Пётр Соколов", ("contractor",)),
        Person("fedor", "Фёдор Лебедев", ("finance",)),
        Person("maria", "Мария Зайцева", ("shop_manager",)),
        Person("dana", "Дана Белова", ("front_desk",)),
        Person("alex", "Алекс Громов", ("administrator",)),
        *(Person(f"visitor{n:02d}", f"Посетитель {n:02d}", _CUSTOMER) for n in range(1, VISITORS + 1)),
    )
}

ROLE_NAMES = {
    "customer": ("клиент", "customer"),
    "service_manager": ("менеджер услуг", "service manager"),
    "contractor": ("подрядчик", "contractor"),
    "rent_manager": ("менеджер аренды", "rent manager"),
    "shop_manager": ("менеджер магазина", "shop manager"),
    "front_desk": ("администратор зала", "front desk"),
    "finance": ("финансы", "finance"),
    "administrator": ("администратор", "administrator"),
}
