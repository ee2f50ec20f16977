"""Problems, access, health and limits of the HTTP process."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from foyer_chassis.auth import CurrentCaller, Verifier, public, requires
from foyer_chassis.errors import ConflictError, StaleError
from foyer_chassis.http import InTransaction, build_app, version_of
from foyer_chassis.settings import ServiceSettings
from foyer_chassis.testing import AUDIENCE, ISSUER, Identity, Servers
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet


class SeatTakenError(ConflictError):
    """Somebody sits there."""

    title_en = "The seat is taken"
    title_ru = "Место занято"


def settings(**more: Any) -> ServiceSettings:
    return ServiceSettings(
        **{
            "database_url": "postgresql://nobody@127.0.0.1:9/none",
            "amqp_url": "amqp://127.0.0.1:9/",
            "oidc_issuer": ISSUER,
            "oidc_jwks_url": "http://127.0.0.1:9/jwks",
            **more,
        }
    )


def a_router() -> APIRouter:
    router = APIRouter()

    @router.get("/seat", dependencies=[requires("booking:read")])
    async def seat(caller: CurrentCaller) -> None:
        raise SeatTakenError(field="seat", allowed=["2A"])

    @router.get("/broken", dependencies=[public("a test")])
    async def broken() -> None:
        raise RuntimeError("secret detail")

    @router.get("/database", dependencies=[public("a test")])
    async def needs_database(transaction: InTransaction) -> None:
        await transaction.flush()
        await transaction.connection.exec_driver_sql("SELECT 1")

    @router.get("/slow", dependencies=[public("a test")])
    async def slow() -> None:
        await asyncio.sleep(0.3)

    @router.get("/stream", dependencies=[public("a test")])
    async def stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            yield "data: 1\n\n"
            await asyncio.sleep(2)

        return StreamingResponse(lines(), media_type="text/event-stream")

    return router


@pytest.fixture
async def client(identity: Identity) -> AsyncIterator[httpx2.AsyncClient]:
    app = build_app("test", settings(request_limit=2), [a_router()], description="")
    app.state.verifier = identity.verifier()
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_domain_error_becomes_a_problem_in_the_callers_language(
    client: httpx2.AsyncClient, identity: Identity
) -> None:
    for locale, title in (("ru", "Место занято"), ("en", "The seat is taken")):
        token = identity.token("anna", locale=locale)
        answer = await client.get("/seat", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert body["type"] == "https://foyer.dev/problems/seat-taken"
        assert (body["title"], body["field"], body["allowed"]) == (title, "seat", ["2A"])
        assert body["detail"] == "Somebody sits there."


async def test_missing_permission_is_403_and_missing_token_401(client: httpx2.AsyncClient, identity: Identity) -> None:
    token = identity.token("nobody", "unknown_role")
    assert (await client.get("/seat", headers={"Authorization": f"Bearer {token}"})).status_code == 403
    assert (await client.get("/seat")).status_code == 401


async def test_an_unexpected_error_tells_nothing(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_no_database_is_503_with_retry_after(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/database")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_more_than_the_limit_is_told_to_come_back(client: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.get("/slow") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503]
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 503)
    assert (await client.get("/health/live")).status_code == 200


async def test_streams_take_no_place_from_requests(client: httpx2.AsyncClient) -> None:
    streams = []
    for _ in range(4):
        streams.append(asyncio.create_task(client.get("/stream")))
        await asyncio.sleep(0.1)
    assert (await client.get("/slow")).status_code == 200
    assert [answer.status_code for answer in await asyncio.gather(*streams)] == [200] * 4


async def test_unknown_path_and_method_and_request_id(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/nowhere", headers={"x-request-id": "abc-1"})
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert answer.headers["x-request-id"] == "abc-1"
    assert (await client.post("/seat")).status_code == 405
    assert (await client.get("/nowhere", headers={"x-request-id": "x" * 500})).headers["x-request-id"] != "x" * 500


async def test_ready_tells_what_is_missing(client: httpx2.AsyncClient, servers: Servers, identity: Identity) -> None:
    answer = await client.get("/health/ready")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["identity"] == "ok"
    assert checks["database"] != "ok"
    app = build_app("test", settings(database_url=servers.postgres_url), [], description="")
    app.state.verifier._keys = identity.verifier()._keys
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://t") as ready:
        assert (await ready.get("/health/ready")).json()["status"] == "ready"
    await app.state.database.close()


def test_a_route_without_declared_access_is_refused() -> None:
    router = APIRouter()

    @router.get("/open")
    async def open_() -> None:
        return None

    with pytest.raises(RuntimeError, match="/open"):
        build_app("test", settings(), [router], description="")


def test_a_route_of_an_included_router_must_declare_access_too() -> None:
    inner, outer = APIRouter(), APIRouter()

    @inner.get("/forgotten")
    async def forgotten() -> None:
        return None

    outer.include_router(inner)
    with pytest.raises(RuntimeError, match="/forgotten"):
        build_app("test", settings(), [outer], description="")


def _signed_with_the_public_key_as_a_secret(claims: dict[str, object], public_key: bytes) -> str:
    def encode(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    signed = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "test"}, claims))
    return f"{signed}.{encode(hmac.digest(public_key, signed.encode(), 'sha256'))}"


async def test_tokens_of_other_algorithms_and_keys_are_refused(identity: Identity) -> None:
    verifier = identity.verifier()
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(Identity.id_of("anna")), "exp": 2**31}
    public_key = identity.key.as_pem(private=False)
    forged = [
        _signed_with_the_public_key_as_a_secret(claims, public_key),
        jwt.encode({"alg": "ES256", "kid": "test"}, claims, ECKey.generate_key("P-256", {"kid": "test"})),
        jwt.encode({"alg": "ES256", "kid": "other"}, claims, ECKey.generate_key("P-256", {"kid": "other"})),
        "eyJhbGciOiJub25lIn0." + jwt.encode({"alg": "ES256", "kid": "test"}, claims, identity.key).split(".")[1] + ".",
    ]
    for token in forged:
        with pytest.raises(Exception, match="not valid"):
            await verifier.verify(token)
    good = jwt.encode({"alg": "ES256", "kid": "test"}, claims, identity.key)
    assert (await verifier.verify(good)).id == Identity.id_of("anna")


async def test_a_rotated_key_is_fetched(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(issuer=ISSUER, jwks_url="http://unused", audience=AUDIENCE)
    verifier._keys = KeySet([ECKey.generate_key("P-256", {"kid": "old"})])
    fetched = 0

    async def fetch() -> bool:
        nonlocal fetched
        fetched += 1
        verifier._keys = KeySet([identity.key])
        return True

    monkeypatch.setattr(verifier, "_fetch", fetch)
    assert (await verifier.verify(identity.token("anna"))).name == "Anna"
    assert (await verifier.verify(identity.token("anna"))).name == "Anna"
    assert fetched == 1


def test_if_match() -> None:
    assert version_of('"7"') == version_of('W/"7"') == 7
    for bad in ('"x"', "*", '""', '"٣"', '"99999999999999999999"'):
        with pytest.raises(StaleError):
            version_of(bad)
