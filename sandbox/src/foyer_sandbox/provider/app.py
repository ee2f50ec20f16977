"""The provider process."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from foyer_sandbox.database import Database
from foyer_sandbox.provider.api import api_routes
from foyer_sandbox.provider.bank import KEY_LIFETIME_SECONDS, Bank
from foyer_sandbox.provider.controls import control_routes
from foyer_sandbox.provider.errors import ApiError, error_answer
from foyer_sandbox.provider.faults import API_PREFIX, FaultyNetwork
from foyer_sandbox.provider.pages import page_routes
from foyer_sandbox.provider.settings import ProviderSettings
from foyer_sandbox.provider.store import SCHEMA, Store
from foyer_sandbox.provider.switches import ProviderSwitches
from foyer_sandbox.provider.webhooks import Courier
from foyer_sandbox.switches import SwitchBoard, switch_routes
from foyer_sandbox.web import add_front_doors, serve

CLOCK_SECONDS = 0.2
KEY_SWEEP_SECONDS = 600

log = logging.getLogger("foyer_sandbox.provider")


def create_app(settings: ProviderSettings) -> FastAPI:
    """The application with its state opened."""
    store = Store(Database(settings.state_dir, "provider", SCHEMA))
    board = SwitchBoard(store.database, ProviderSwitches)
    bank = Bank(store, board, settings.shop_id, settings.public_url)
    courier = Courier(store, board, settings.webhook_url)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(courier.run()), asyncio.create_task(_clock(bank, courier))]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.database.close()

    app = FastAPI(title="Foyer sandbox: payment provider", lifespan=lifespan, redirect_slashes=False)
    app.add_middleware(FaultyNetwork, board=board)
    app.include_router(api_routes(bank, courier, board, settings.shop_id, settings.secret_key))
    app.include_router(page_routes(bank, courier, board))
    app.include_router(control_routes(bank, courier))
    app.include_router(switch_routes(board))
    add_front_doors(app)

    @app.exception_handler(ApiError)
    async def refused(_: Request, error: ApiError) -> JSONResponse:
        return error_answer(error)

    @app.exception_handler(HTTPException)
    async def no_such_route(request: Request, error: HTTPException) -> JSONResponse:
        if request.url.path.startswith(API_PREFIX):
            return error_answer(ApiError(error.status_code, str(error.detail)))
        return JSONResponse({"detail": error.detail}, status_code=error.status_code)

    return app


async def _clock(bank: Bank, courier: Courier) -> None:
    swept = 0.0
    while True:
        try:
            if bank.run_clock():
                courier.wake()
            if time.monotonic() - swept > KEY_SWEEP_SECONDS:
                bank.store.forget_keys(time.time() - KEY_LIFETIME_SECONDS)
                swept = time.monotonic()
        except Exception:
            log.exception("the clock stumbled; it tries again")
        await asyncio.sleep(CLOCK_SECONDS)


def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = ProviderSettings()
    serve(create_app(settings), settings)
