"""A customer's data: changed by staff, exported, imported, erased."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Transaction
from foyer_chassis.http import InTransaction, Reading, etag, version_of
from foyer_chassis.idempotency import Answer, OncePerKey
from pydantic import BaseModel, ConfigDict, Field

from ..customers import store as customers
from ..customers.routes import CustomerChange, CustomerIn, CustomerOut, PremisesIn, PremisesOut
from ..listing.routes import OrderRow
from . import use_cases

router = APIRouter(prefix="/v1", tags=["personal data"])


class CustomerData(BaseModel):
    """Everything that is kept of a customer here. Messages are in chat, invoices and payments in payments."""

    profile: CustomerOut
    premises: list[PremisesOut]
    orders: list[OrderRow] = Field(description="the newest first")
    all_orders: bool = Field(description="false: there are more than 10,000, the older ones are not in it")


class CustomerImport(BaseModel):
    """A customer with their premises. An export can be given as it is: what cannot be imported is left out."""

    model_config = ConfigDict(extra="ignore")

    profile: CustomerIn
    premises: list[PremisesIn] = Field(default=[], max_length=100)


class Imported(BaseModel):
    profile: CustomerOut
    premises: list[PremisesOut]


@router.patch("/customers/{customer_id}", dependencies=[requires("customers:edit")])
async def change_customer(
    customer_id: UUID,
    body: CustomerChange,
    transaction: InTransaction,
    caller: CurrentCaller,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> CustomerOut:
    """Who signs in keeps the name and contacts that the identity provider says; company and group can be changed."""
    version = version_of(if_match)
    person = await use_cases.change_customer(transaction, customer_id, body.changes(), if_version=version)
    response.headers["ETag"] = etag(person.version)
    shown = await customers.phone_shown(transaction, customer_id, caller.kinds("orders:read_all"))
    return CustomerOut.of(person, phone_shown=shown)


@router.get("/customers/me/export", dependencies=[requires("customers:own")])
async def export_me(reading: Reading, caller: CurrentCaller, response: Response) -> CustomerData:
    return await _export(reading, caller.id, caller.locale, response)


@router.get("/customers/{customer_id}/export", dependencies=[requires("customers:erase")])
async def export_customer(
    customer_id: UUID, reading: Reading, caller: CurrentCaller, response: Response
) -> CustomerData:
    """One customer's data, to be handed to them on their demand."""
    return await _export(reading, customer_id, caller.locale, response)


async def _export(reading: Transaction, customer_id: UUID, locale: str, response: Response) -> CustomerData:
    person, premises, orders, complete = await use_cases.export_customer(reading, customer_id, locale=locale)
    response.headers["Content-Disposition"] = f'attachment; filename="customer-{customer_id}.json"'
    response.headers["Cache-Control"] = "no-store"
    return CustomerData(
        profile=CustomerOut.of(person, phone_shown=True),
        premises=[PremisesOut.of(item) for item in premises],
        orders=[OrderRow.model_validate(row) for row in orders],
        all_orders=complete,
    )


@router.post("/customers/import", status_code=201, response_model=Imported, dependencies=[requires("customers:edit")])
async def import_customer(body: CustomerImport, once: OncePerKey) -> Response:
    async def command(transaction: Transaction) -> Answer:
        profile = {
            **dict(body.profile),
            "company": None if body.profile.company is None else body.profile.company.values(),
        }
        premises = [dict(item) for item in body.premises]
        person, added = await use_cases.import_customer(transaction, **profile, premises=premises)
        made = Imported(
            profile=CustomerOut.of(person, phone_shown=True), premises=[PremisesOut.of(item) for item in added]
        )
        return Answer(made, 201, {"Location": f"/v1/customers/{person.id}"})

    return await once.run(command)


@router.post("/customers/me/erase", dependencies=[requires("customers:own")])
async def erase_me(transaction: InTransaction, caller: CurrentCaller) -> CustomerOut:
    """Remove who I am. Orders stay with their number, lines and money, and nobody's name."""
    return CustomerOut.of(await use_cases.erase_me(transaction, caller), phone_shown=True)


@router.post("/customers/{customer_id}/erase", dependencies=[requires("customers:erase")])
async def erase_customer(customer_id: UUID, transaction: InTransaction) -> CustomerOut:
    """Remove who a customer is, on their demand; refused while orders of theirs are open."""
    return CustomerOut.of(await use_cases.erase_customer(transaction, customer_id), phone_shown=True)
