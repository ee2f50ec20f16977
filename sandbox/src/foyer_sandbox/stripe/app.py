"""The Stripe stand-in's process."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, Literal

import httpx2
from fastapi import APIRouter, Body, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foyer_sandbox.database import Database
from foyer_sandbox.stripe.account import CARDS, GOOD_CARD, Account, in_figures
from foyer_sandbox.stripe.errors import StripeError
from foyer_sandbox.stripe.form import parse
from foyer_sandbox.stripe.settings import StripeSettings
from foyer_sandbox.stripe.store import SCHEMA, Store
from foyer_sandbox.stripe.switches import StripeSwitches
from foyer_sandbox.switches import SwitchBoard, switch_routes
from foyer_sandbox.web import PAGE_HEADERS, add_front_doors, cut_connection, serve

CLOCK_SECONDS = 0.2
KEY_LIFETIME_SECONDS = 86_400
RETRY_DELAYS_SECONDS = (1, 5, 30, 300, 3_600)
ATTEMPT_TIMEOUT_SECONDS = 10

log = logging.getLogger("foyer_sandbox.stripe")


def key_check(secret_key: str) -> Callable[[Request], None]:
    """A check that the request has the account's key; it raises StripeError."""

    def authorized(request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {secret_key}".encode()):
            raise StripeError("Invalid API Key provided", status=401)

    return authorized


Once = Callable[[Request, Callable[[dict[str, Any]], dict[str, Any]]], Awaitable[JSONResponse]]


def once_per_key(account: Account, authorized: Callable[[Request], None]) -> Once:
    """Does the work of a POST, or answers again what it answered under the same key."""

    async def once(request: Request, work: Callable[[dict[str, Any]], dict[str, Any]]) -> JSONResponse:
        authorized(request)
        raw = (await request.body()).decode()
        try:
            body = parse(raw)
        except ValueError:
            raise StripeError("Invalid request body") from None
        key = request.headers.get("idempotency-key", "")
        fingerprint = hashlib.sha256(f"{request.url.path}\n{raw}".encode()).hexdigest()
        now = time.time()
        with account.store.database.transaction():
            known = account.store.remembered(key, now - KEY_LIFETIME_SECONDS) if key else None
            if known is None:
                try:
                    shown, status = account.shown(work(body), body.get("expand") or []), 200
                except StripeError as error:
                    # What failed validation does not use up its key.
                    if error.status != 402:
                        raise
                    shown, status = error.body, error.status
                if key:
                    account.store.remember(key, fingerprint, status, json.dumps(shown), now)
                return JSONResponse(shown, status)
        if known[0] != fingerprint:
            raise StripeError(
                "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                kind="idempotency_error",
            )
        return JSONResponse(json.loads(known[2]), known[1], {"Idempotent-Replayed": "true"})

    return once


def api_routes(account: Account, once: Once, authorized: Callable[[Request], None]) -> APIRouter:
    """`/v1/…`: every POST takes a form, and an `Idempotency-Key` under which its answer is kept."""
    router = APIRouter(prefix="/v1", tags=["Stripe API"])

    def read(request: Request, document: dict[str, Any]) -> JSONResponse:
        return JSONResponse(account.shown(document, parse(request.url.query).get("expand") or []))

    @router.post("/checkout/sessions")
    async def create_session(request: Request) -> JSONResponse:
        return await once(request, account.create_session)

    @router.get("/checkout/sessions/{id_}")
    async def read_session(id_: str, request: Request) -> JSONResponse:
        authorized(request)
        return read(request, account.session(id_))

    @router.post("/checkout/sessions/{id_}/expire")
    async def expire_session(id_: str, request: Request) -> JSONResponse:
        return await once(request, lambda _: account.expire(id_))

    @router.post("/payment_intents")
    async def create_intent(request: Request) -> JSONResponse:
        return await once(request, account.create_intent)

    @router.get("/payment_intents/{id_}")
    async def read_intent(id_: str, request: Request) -> JSONResponse:
        authorized(request)
        return read(request, account.intent(id_))

    @router.post("/payment_intents/{id_}/capture")
    async def capture(id_: str, request: Request) -> JSONResponse:
        return await once(request, lambda _: account.capture(id_))

    @router.post("/payment_intents/{id_}/cancel")
    async def cancel(id_: str, request: Request) -> JSONResponse:
        return await once(request, lambda _: account.cancel(id_))

    @router.post("/refunds")
    async def create_refund(request: Request) -> JSONResponse:
        return await once(request, account.refund)

    @router.get("/refunds")
    async def list_refunds(request: Request, payment_intent: str | None = None) -> JSONResponse:
        authorized(request)
        found = [
            account.shown(item, [])
            for item in account.store.all("refund")
            if payment_intent in (None, item["payment_intent"])
        ]
        return JSONResponse({"object": "list", "url": "/v1/refunds", "has_more": False, "data": found})

    @router.get("/refunds/{id_}")
    async def read_refund(id_: str, request: Request) -> JSONResponse:
        authorized(request)
        found = account.store.get("refund", id_)
        if found is None:
            raise StripeError(f"No such refund: '{id_}'", status=404, code="resource_missing", param="id")
        return JSONResponse(account.shown(found, []))

    return router


def dispute_routes(account: Account, authorized: Callable[[Request], None]) -> APIRouter:
    """`/v1/disputes`."""
    router = APIRouter(prefix="/v1", tags=["Stripe API"])

    @router.get("/disputes")
    async def list_disputes(request: Request) -> JSONResponse:
        authorized(request)
        since = int((parse(request.url.query).get("created") or {}).get("gte", 0))
        found = [account.shown(item, []) for item in account.store.all("dispute") if item["created"] >= since]
        return JSONResponse({"object": "list", "url": "/v1/disputes", "has_more": False, "data": found})

    @router.get("/disputes/{id_}")
    async def read_dispute(id_: str, request: Request) -> JSONResponse:
        authorized(request)
        found = account.store.get("dispute", id_)
        if found is None:
            raise StripeError(f"No such dispute: '{id_}'", status=404, code="resource_missing", param="id")
        return JSONResponse(account.shown(found, parse(request.url.query).get("expand") or []))

    return router


def method_routes(account: Account, once: Once, authorized: Callable[[Request], None]) -> APIRouter:
    """`/v1/payment_methods`."""
    router = APIRouter(prefix="/v1", tags=["Stripe API"])

    @router.get("/payment_methods/{id_}")
    async def read_method(id_: str, request: Request) -> JSONResponse:
        authorized(request)
        return JSONResponse(account.shown(account.method(id_), []))

    @router.post("/payment_methods/{id_}/detach")
    async def detach(id_: str, request: Request) -> JSONResponse:
        return await once(request, lambda _: account.detach(id_))

    return router


def page_routes(account: Account) -> APIRouter:
    """`/pay/{session}`: where a person pays; `/sandbox/sessions`: the same for scripts, and all for auditors."""
    router = APIRouter()

    @router.get("/pay/{id_}", include_in_schema=False)
    async def show(id_: str) -> Response:
        session = account.session(id_)
        amount = f"{in_figures(session['amount_total'], session['currency'])} {session['currency'].upper()}"
        buttons = "".join(
            f'<p><button name="card" value="{number}">{number} · {reason or "ok"}</button></p>'
            for number, reason in CARDS.items()
        )
        body = f'<form method="post">{buttons}</form>' if session["status"] == "open" else f"<p>{session['status']}</p>"
        page = f"<!doctype html><meta charset=utf-8><title>{amount}</title><h1>Test payment {amount}</h1>{body}"
        return HTMLResponse(page, headers=PAGE_HEADERS)

    @router.post("/pay/{id_}", include_in_schema=False)
    async def submit(id_: str, card: Annotated[str, Form()] = GOOD_CARD) -> Response:
        session = account.pay(id_, card)
        if session["status"] == "open":
            return await show(id_)
        return RedirectResponse(session["success_url"], status_code=303)

    @router.get("/sandbox", include_in_schema=False)
    async def index() -> dict[str, Any]:
        return await sessions()

    @router.get("/sandbox/sessions")
    async def sessions() -> dict[str, Any]:
        """Every session and intent with sums in the smallest unit, newest first."""
        intents = account.store.all("intent")
        return {
            "sessions": [account.shown(item, []) for item in account.store.all("session")],
            "intents": [
                {
                    "intent": account.shown(item, []),
                    "sums": {"paid": item["amount_received"], "refunded": item["_refunded"]},
                    "disputed": item.get("_disputed", 0),
                    "refunds": [
                        account.shown(refund, [])
                        for refund in account.store.all("refund")
                        if refund["payment_intent"] == item["id"]
                    ],
                }
                for item in intents
            ],
        }

    @router.post("/sandbox/sessions/{id_}/pay")
    async def pay(id_: str, card: Annotated[str, Body(embed=True)] = GOOD_CARD) -> dict[str, Any]:
        """Pay as a person would on the page; a declined card leaves the session open."""
        return account.shown(account.pay(id_, card), [])

    @router.post("/sandbox/sessions/{id_}/expire")
    async def expire(id_: str) -> dict[str, Any]:
        """Let the time to pay run out now."""
        return account.shown(account.expire(id_), [])

    @router.post("/sandbox/refunds/{id_}/bounce")
    async def bounce(id_: str) -> dict[str, Any]:
        """Let the money of a refund that succeeded come back from the payer's bank now."""
        with account.store.database.transaction():
            return account.shown(account.bounce(id_), [])

    @router.post("/sandbox/intents/{id_}/dispute")
    async def dispute(
        id_: str,
        amount: Annotated[int | None, Body(embed=True)] = None,
        inquiry: Annotated[bool, Body(embed=True)] = False,
        fee: Annotated[int, Body(embed=True)] = 0,
    ) -> dict[str, Any]:
        """Dispute a payment as its payer would with the bank."""
        with account.store.database.transaction():
            return account.shown(account.dispute(id_, amount=amount, inquiry=inquiry, fee=fee), [])

    @router.post("/sandbox/disputes/{id_}/{verdict}")
    async def decide(id_: str, verdict: Literal["won", "lost", "escalated", "dropped"]) -> dict[str, Any]:
        """What the bank makes of a dispute."""
        with account.store.database.transaction():
            return account.shown(account.decide_dispute(id_, verdict), [])

    @router.post("/sandbox/webhooks/redeliver")
    async def redeliver() -> dict[str, str]:
        """Post every event again, those that were dropped, too."""
        account.store.redeliver(time.time())
        return {"status": "redelivering"}

    return router


class FaultyNetwork:
    """ASGI middleware for `/v1/`: fails before the work, delays or loses the answer after it."""

    def __init__(self, app: ASGIApp, board: SwitchBoard[StripeSwitches]) -> None:
        self._app = app
        self._board = board

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        fault = self._board.fault_for(scope["path"])
        if fault is not None:
            kind = "invalid_request_error" if fault.status < 500 and fault.status != 429 else "api_error"
            wait = fault.retry_after_seconds
            error = StripeError("Failing on request of a switch", status=fault.status, kind=kind, code="switched")
            headers = {"Retry-After": str(wait)} if wait is not None else None
            await JSONResponse(error.body, fault.status, headers)(scope, receive, send)
            return
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, hold)
        if self._board.now.answer_delay_seconds:
            await asyncio.sleep(self._board.now.answer_delay_seconds)
        left = self._board.now.lose_answer_next
        if left and scope["method"] == "POST" and messages[0]["status"] < 400:
            self._board.change({"lose_answer_next": left - 1})
            cut_connection(scope)
            return
        for message in messages:
            await send(message)


class Courier:
    """Posts signed events until answered with 2xx."""

    def __init__(self, store: Store, board: SwitchBoard[StripeSwitches], address: str, secret: str) -> None:
        self._store = store
        self._board = board
        self._address = address
        self._secret = secret
        self._client = httpx2.AsyncClient(timeout=ATTEMPT_TIMEOUT_SECONDS, trust_env=False)

    async def post_due(self) -> None:
        url = self._board.now.webhook_url or self._address
        if not url:
            return
        for event in self._store.due_events(time.time()):
            delivered = all([await self._post(url, event["body"]) for _ in range(event["copies"])])
            attempts = event["attempts"]
            again = None if attempts >= len(RETRY_DELAYS_SECONDS) else time.time() + RETRY_DELAYS_SECONDS[attempts]
            self._store.event_went(event["id"], delivered=delivered, next_at=None if delivered else again)

    async def _post(self, url: str, body: str) -> bool:
        stamp = int(time.time())
        signature = hmac.new(self._secret.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={stamp},v1={signature}"}
        try:
            answer = await self._client.post(url, content=body.encode(), headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            log.info("event not delivered: %s", type(error).__name__)
            return False
        return answer.is_success

    async def close(self) -> None:
        await self._client.aclose()


def create_app(settings: StripeSettings) -> FastAPI:
    """The application with its state opened."""
    store = Store(Database(settings.state_dir, "stripe", SCHEMA))
    board = SwitchBoard(store.database, StripeSwitches)
    account = Account(store, board, settings.public_url)
    courier = Courier(store, board, settings.webhook_url, settings.webhook_secret)

    async def forever(work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                log.exception("the clock stumbled; it tries again")
            await asyncio.sleep(CLOCK_SECONDS)

    async def tick() -> None:
        account.run_clock()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(forever(courier.post_due)), asyncio.create_task(forever(tick))]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await courier.close()
        store.database.close()

    app = FastAPI(title="Foyer sandbox: Stripe", lifespan=lifespan, redirect_slashes=False)
    app.add_middleware(FaultyNetwork, board=board)
    authorized = key_check(settings.secret_key)
    once = once_per_key(account, authorized)
    app.include_router(api_routes(account, once, authorized))
    app.include_router(method_routes(account, once, authorized))
    app.include_router(dispute_routes(account, authorized))
    app.include_router(page_routes(account))
    app.include_router(switch_routes(board))
    add_front_doors(app)

    @app.exception_handler(StripeError)
    async def refused(_: Request, error: StripeError) -> JSONResponse:
        return JSONResponse(error.body, error.status)

    return app


def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = StripeSettings()
    serve(create_app(settings), settings)
