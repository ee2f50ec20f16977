"""Customers: what one says of oneself, and what staff keep of them. Contacts leave on the private exchange only."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from foyer_chassis.auth import Caller, CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.errors import NotFoundError
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field

from . import store, use_cases
from .domain import MOST_PREMISES, Person, Premises

router = APIRouter(prefix="/v1", tags=["customers"])

_OWN = requires("customers:own")
_READ = requires("customers:read")
_EDIT = requires("customers:edit")
IfMatch = Annotated[str | None, Header()]
#: One at-sign between a name and a domain; whether it exists only a letter can tell.
Email = Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[^@\s]+\.[^@\s]+$", max_length=254)]
Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164")]


class Company(BaseModel):
    """What an invoice to a company needs."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=300)
    inn: str | None = Field(default=None, pattern=r"^([0-9]{10}|[0-9]{12})$")
    kpp: str | None = Field(default=None, pattern=r"^[0-9]{9}$")
    address: str | None = Field(default=None, max_length=500)

    def values(self) -> dict[str, str]:
        return {name: value for name, value in self if value is not None}


class ProfileIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    company: Company | None = Field(default=None, description="the company one orders for, if any")


class CustomerIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    locale: Literal["ru", "en"] = "ru"
    email: Email | None = None
    phone: Phone | None = None
    company: Company | None = None


class CustomerChange(BaseModel):
    """What is given is changed; what is not given stays, e.g. a phone that one may not see."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=200)
    locale: Literal["ru", "en"] | None = None
    email: Email | None = None
    phone: Phone | None = None
    company: Company | None = None
    discount_group_id: UUID | None = None

    def changes(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("name", "locale"):
            if given.get(name, ...) is None:
                del given[name]
        if self.company is not None:
            given["company"] = self.company.values()
        return given


class CustomerOut(BaseModel):
    id: UUID
    name: str
    locale: str
    email: str | None
    phone: str | None = Field(description="hidden from staff until they have taken up an order of the customer (B8)")
    phone_hidden: bool
    source: Literal["identity", "staff", "guest"]
    company: Company | None
    discount_group_id: UUID | None
    erased: bool
    version: int

    @classmethod
    def of(cls, person: Person, *, phone_shown: bool) -> Self:
        return cls(
            id=person.id,
            name=person.name,
            locale=person.locale,
            email=person.email,
            phone=person.phone if phone_shown else None,
            phone_hidden=not phone_shown and person.phone is not None,
            source=person.source,
            company=None if person.company is None else Company(**person.company),
            discount_group_id=person.discount_group_id,
            erased=person.erased_at is not None,
            version=person.version,
        )


class CustomerPage(BaseModel):
    items: list[CustomerOut]
    next: UUID | None


class PremisesIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=200, description="what the customer calls it")
    address: str = Field(min_length=1, max_length=500)
    location_id: UUID | None = Field(default=None, description="the location that serves it")


class PremisesOut(PremisesIn):
    id: UUID
    version: int

    @classmethod
    def of(cls, item: Premises) -> Self:
        return cls(
            id=item.id, title=item.title, address=item.address, location_id=item.location_id, version=item.version
        )


class PremisesList(BaseModel):
    items: list[PremisesOut]


class GroupIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)


class GroupOut(GroupIn):
    id: UUID


class GroupList(BaseModel):
    items: list[GroupOut]


@router.get("/customers/me", dependencies=[_OWN])
async def get_me(transaction: InTransaction, caller: CurrentCaller, response: Response) -> CustomerOut:
    """What is known of the caller. What the token says anew is kept."""
    await use_cases.note_person(transaction, caller)
    person = await store.person_by_id(transaction, caller.id)
    assert person is not None
    response.headers["ETag"] = etag(person.version)
    return CustomerOut.of(person, phone_shown=True)


@router.put("/customers/me", dependencies=[_OWN])
async def change_me(body: ProfileIn, transaction: InTransaction, caller: CurrentCaller) -> CustomerOut:
    """Name and contacts change at the identity provider; here the company one orders for."""
    company = None if body.company is None else body.company.values()
    person = await use_cases.change_own_company(transaction, caller, company)
    return CustomerOut.of(person, phone_shown=True)


@router.get("/customers/me/premises", dependencies=[_OWN])
async def list_my_premises(reading: Reading, caller: CurrentCaller) -> PremisesList:
    return await _premises_list(reading, caller.id)


@router.post("/customers/me/premises", status_code=201, response_model=PremisesOut, dependencies=[_OWN])
async def add_my_premises(body: PremisesIn, caller: CurrentCaller, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        await use_cases.note_person(transaction, caller)
        item = await use_cases.add_premises(transaction, caller.id, **dict(body))
        return Answer(PremisesOut.of(item), 201, {"ETag": etag(item.version)})

    return await once.run(command)


def _owner(caller: Caller) -> UUID | None:
    """Whose premises the caller may change: staff anybody's, a customer their own."""
    return None if caller.may("customers:edit") else caller.id


@router.put("/premises/{premises_id}", dependencies=[requires("customers:own", "customers:edit")])
async def change_premises(
    premises_id: UUID, body: PremisesIn, transaction: InTransaction, caller: CurrentCaller, if_match: IfMatch = None
) -> PremisesOut:
    """Orders that were placed for it keep the address that they were placed with."""
    item = await use_cases.change_premises(
        transaction, premises_id, owner=_owner(caller), if_version=version_of(if_match), **dict(body)
    )
    return PremisesOut.of(item)


@router.delete("/premises/{premises_id}", status_code=204, dependencies=[requires("customers:own", "customers:edit")])
async def remove_premises(premises_id: UUID, transaction: InTransaction, caller: CurrentCaller) -> None:
    await use_cases.change_premises(transaction, premises_id, owner=_owner(caller), if_version=None, active=False)


@router.get("/customers", dependencies=[_READ])
async def list_customers(
    reading: Reading,
    caller: CurrentCaller,
    q: Annotated[str | None, Query(min_length=2, max_length=100, description="in name, email; or a phone")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: UUID | None = None,
) -> CustomerPage:
    """Customers by name, email or phone; a phone that is hidden from the caller finds nobody (B8)."""
    kinds = caller.kinds("orders:read_all")
    found = await store.find_people(reading, query=q, kinds=kinds, after=after, limit=limit)
    items = [CustomerOut.of(person, phone_shown=shown) for person, shown in found]
    return CustomerPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.post("/customers", status_code=201, response_model=CustomerOut, dependencies=[_EDIT])
async def create_customer(body: CustomerIn, once: OncePerKey) -> Response:
    """A customer who does not sign in, so that staff can order for them."""

    async def command(transaction: Transaction) -> Answer:
        company = None if body.company is None else body.company.values()
        person = await use_cases.add_person(transaction, **{**dict(body), "company": company, "source": "staff"})
        headers = {"Location": f"/v1/customers/{person.id}", "ETag": etag(person.version)}
        return Answer(CustomerOut.of(person, phone_shown=True), 201, headers)

    return await once.run(command)


@router.get("/customers/{customer_id}", dependencies=[_READ])
async def get_customer(customer_id: UUID, reading: Reading, caller: CurrentCaller, response: Response) -> CustomerOut:
    person = await store.person_by_id(reading, customer_id)
    if person is None:
        raise NotFoundError
    response.headers["ETag"] = etag(person.version)
    shown = await store.phone_shown(reading, customer_id, caller.kinds("orders:read_all"))
    return CustomerOut.of(person, phone_shown=shown)


@router.get("/customers/{customer_id}/premises", dependencies=[_READ])
async def list_premises(customer_id: UUID, reading: Reading) -> PremisesList:
    return await _premises_list(reading, customer_id)


@router.post("/customers/{customer_id}/premises", status_code=201, response_model=PremisesOut, dependencies=[_EDIT])
async def add_premises(customer_id: UUID, body: PremisesIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        item = await use_cases.add_premises(transaction, customer_id, **dict(body))
        return Answer(PremisesOut.of(item), 201, {"ETag": etag(item.version)})

    return await once.run(command)


async def _premises_list(reading: Transaction, customer_id: UUID) -> PremisesList:
    found = await store.premises_of(reading, customer_id, limit=MOST_PREMISES)
    return PremisesList(items=[PremisesOut.of(item) for item in found])


@router.get("/discount-groups", dependencies=[_READ])
async def list_groups(reading: Reading) -> GroupList:
    return GroupList(
        items=[GroupOut(id=row["id"], name=row["name"]) for row in await store.discount_groups_all(reading)]
    )


@router.post("/discount-groups", status_code=201, response_model=GroupOut, dependencies=[requires("orders:configure")])
async def create_group(body: GroupIn, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        return Answer(GroupOut(id=await use_cases.add_discount_group(transaction, body.name), name=body.name), 201)

    return await once.run(command)
