"""The OpenID Connect issuer, against the running process."""

import base64
import hashlib
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from foyer_sandbox.testing import SandboxProcess, Starter
from joserfc import jwt
from joserfc.jwk import KeySet

VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "http://127.0.0.1:5173/callback?app=1"
ASKED = {
    "response_type": "code",
    "client_id": "foyer-console",
    "redirect_uri": BACK,
    "scope": "openid profile",
    "state": "s/1 &",
    "nonce": "n1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(scope="module")
def identity(sandbox: Starter) -> SandboxProcess:
    return sandbox("identity", FOYER_SANDBOX_REDIRECT_PREFIXES="https://app.example.test/")


@pytest.fixture
async def http(identity: SandboxProcess) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=identity.url, trust_env=False) as client:
        yield client


async def claims_of(http: httpx2.AsyncClient, token: str) -> dict[str, Any]:
    """As a service would: header and signature checked against the published keys."""
    keys = KeySet.import_key_set((await http.get("/jwks")).json())
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    assert decoded.header["kid"]
    claims: dict[str, Any] = decoded.claims
    return claims


async def password(http: httpx2.AsyncClient, username: str, word: str = "foyer") -> httpx2.Response:
    form = {"grant_type": "password", "client_id": "foyer-demo", "username": username, "password": word}
    return await http.post("/token", data=form)


async def new_code(http: httpx2.AsyncClient, username: str = "rita") -> str:
    answer = await http.post("/authorize", data=ASKED | {"username": username})
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["state"] == [ASKED["state"]]
    assert query["app"] == ["1"]
    return query["code"][0]


def exchange(code: str, /, **changed: str) -> dict[str, str]:
    form = {"grant_type": "authorization_code", "client_id": "foyer-console", "code": code}
    return form | {"redirect_uri": BACK, "code_verifier": VERIFIER} | changed


async def test_discovery_names_what_is_served(http: httpx2.AsyncClient, identity: SandboxProcess) -> None:
    document = (await http.get("/.well-known/openid-configuration", headers={"Origin": "http://a.test"})).json()
    assert document["issuer"] == identity.url
    assert document["jwks_uri"] == f"{identity.url}/jwks"
    for name in ("jwks_uri", "userinfo_endpoint", "authorization_endpoint"):
        assert (await http.get(document[name])).status_code in {200, 400, 401}
    (key,) = (await http.get("/jwks")).json()["keys"][:1]
    assert (key["kty"], key["crv"], key["alg"]) == ("EC", "P-256", "ES256")
    assert "d" not in key


async def test_access_token_says_who_and_which_roles(http: httpx2.AsyncClient, identity: SandboxProcess) -> None:
    answer = (await password(http, "anna")).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    claims = await claims_of(http, answer["access_token"])
    assert claims["iss"] == identity.url
    assert claims["aud"] == "foyer"
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["sub"] == str(uuid.uuid5(uuid.NAMESPACE_URL, "foyer:anna"))
    assert (claims["email"], claims["locale"]) == ("anna@example.test", "ru")
    assert re.fullmatch(r"\+7900\d{7}", claims["phone_number"])
    assert (claims["roles"], claims["locations"]) == (["customer"], [])
    seen = await http.get("/userinfo", headers={"Authorization": f"Bearer {answer['access_token']}"})
    assert seen.json()["sub"] == claims["sub"]
    assert (await http.get("/userinfo", headers={"Authorization": "Bearer x.y.z"})).status_code == 401
    id_token = {"Authorization": f"Bearer {answer['id_token']}"}
    assert (await http.get("/userinfo", headers=id_token)).status_code == 401


async def test_everybody_exists(http: httpx2.AsyncClient) -> None:
    people = {person["preferred_username"]: person for person in (await http.get("/sandbox/people")).json()}
    assert len(people) == 74
    assert len({person["phone_number"] for person in people.values()}) == 74
    assert people["carol"]["locale"] == "en"
    assert people["visitor64"]["roles"] == ["customer"]
    staff = {"rita": "rent_manager", "sergey": "service_manager", "fedor": "finance", "maria": "shop_manager"}
    for name, role in (staff | {"dana": "front_desk", "alex": "administrator", "petr": "contractor"}).items():
        assert people[name]["roles"] == [role]


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"password": "wrong"}, 400, "invalid_grant"),
        ({"username": "nobody"}, 400, "invalid_grant"),
        ({"client_id": "foyer-console"}, 400, "unauthorized_client"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
    ],
)
async def test_refused_grants(http: httpx2.AsyncClient, change: dict[str, str], status: int, error: str) -> None:
    form = {"grant_type": "password", "client_id": "foyer-demo", "username": "anna", "password": "foyer"}
    answer = await http.post("/token", data=form | change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_login_page_and_code_with_pkce(http: httpx2.AsyncClient) -> None:
    shown = await http.get("/authorize", params=ASKED, headers={"Accept-Language": "en"})
    assert "rent manager" in shown.text
    assert "Рита Орлова" in shown.text
    assert 'value="s/1 &amp;"' in shown.text
    answer = (await http.post("/token", data=exchange(await new_code(http)))).json()
    claims = await claims_of(http, answer["access_token"])
    assert (claims["name"], claims["roles"], claims["azp"]) == ("Рита Орлова", ["rent_manager"], "foyer-console")
    id_claims = await claims_of(http, answer["id_token"])
    assert (id_claims["aud"], id_claims["nonce"], id_claims["sub"]) == ("foyer-console", "n1", claims["sub"])


async def test_code_is_good_once_and_its_second_use_revokes(http: httpx2.AsyncClient) -> None:
    code = await new_code(http)
    answer = (await http.post("/token", data=exchange(code))).json()
    assert (await http.post("/token", data=exchange(code))).json()["error"] == "invalid_grant"
    form = {"grant_type": "refresh_token", "client_id": "foyer-console", "refresh_token": answer["refresh_token"]}
    assert (await http.post("/token", data=form)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "change", [{"code_verifier": "x" * 43}, {"redirect_uri": "http://127.0.0.1:1/"}, {"code": "x"}]
)
async def test_wrong_exchange(http: httpx2.AsyncClient, change: dict[str, str]) -> None:
    answer = await http.post("/token", data=exchange(await new_code(http), **change))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_refresh_tokens_rotate(http: httpx2.AsyncClient) -> None:
    first = (await password(http, "alex")).json()
    form = {"grant_type": "refresh_token", "client_id": "foyer-demo"}
    second = (await http.post("/token", data=form | {"refresh_token": first["refresh_token"]})).json()
    assert (await claims_of(http, second["access_token"]))["roles"] == ["administrator"]
    assert (await http.post("/token", data=form | {"refresh_token": first["refresh_token"]})).status_code == 400
    assert (await http.post("/token", data=form | {"refresh_token": second["refresh_token"]})).status_code == 400


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",
        "https://app.example.test.evil.example/",
        "https://app.example.test@evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1\\@evil.example/",
        "javascript:alert(1)",
        "",
    ],
)
async def test_codes_never_leave_for_strangers(http: httpx2.AsyncClient, uri: str) -> None:
    for answer in (
        await http.get("/authorize", params=ASKED | {"redirect_uri": uri}),
        await http.post("/authorize", data=ASKED | {"redirect_uri": uri, "username": "anna"}),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers


async def test_errors_go_back_to_the_client(http: httpx2.AsyncClient) -> None:
    for change, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
    ):
        answer = await http.get("/authorize", params=ASKED | change)
        assert f"error={error}" in answer.headers["location"]
    named = await http.post(
        "/authorize", data=ASKED | {"redirect_uri": "https://app.example.test/cb", "username": "anna"}
    )
    assert named.headers["location"].startswith("https://app.example.test/cb?code=")


async def test_rotation_and_restart_keep_old_tokens_valid(http: httpx2.AsyncClient, identity: SandboxProcess) -> None:
    before = (await password(http, "boris")).json()
    rotated = (await http.post("/sandbox/rotate-keys")).json()
    after = (await password(http, "boris")).json()
    assert rotated["kid"] in rotated["published"]
    identity.kill_and_start()
    async with httpx2.AsyncClient(base_url=identity.url, trust_env=False) as fresh:
        for answer in (before, after):
            assert (await claims_of(fresh, answer["access_token"]))["preferred_username"] == "boris"
        form = {"grant_type": "refresh_token", "client_id": "foyer-demo", "refresh_token": after["refresh_token"]}
        assert (await fresh.post("/token", data=form)).status_code == 200


async def test_tokens_to_order(http: httpx2.AsyncClient) -> None:
    order = {"username": "anna", "lifetime_seconds": -60, "claims": {"aud": "other", "locations": ["berlin"]}}
    token = (await http.post("/sandbox/tokens", json=order)).json()["access_token"]
    claims = await claims_of(http, token)
    assert claims["exp"] < claims["iat"]
    assert (claims["aud"], claims["locations"]) == ("other", ["berlin"])
    assert (await http.get("/userinfo", headers={"Authorization": f"Bearer {token}"})).status_code == 401
    assert (await http.post("/sandbox/tokens", json={"username": "nobody"})).status_code == 404


async def test_index(http: httpx2.AsyncClient) -> None:
    assert "visitor64" in (await http.get("/sandbox")).text
