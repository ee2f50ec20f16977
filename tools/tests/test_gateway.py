"""The real Envoy with the real template, in front of a backend that says what reached it."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import yaml
from foyer_tools import gateway
from foyer_tools.places import LOOPBACK, SERVICES
from foyer_tools.state import port_is_free
from joserfc import jwt
from joserfc.jwk import ECKey
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

ISSUER_KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
STRANGERS_KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
CALLER_BURST = 20
GUEST_BURST = 12
MEMBERSHIP = "/api/orders/v1/storefront/offerings/0198f000-0000-7000-8000-00000000000a"
CALENDAR = "/api/booking/v1/calendars/0198f000-0000-7000-8000-00000000000c"
MEBIBYTE = 1024 * 1024


class Backend(http.server.BaseHTTPRequestHandler):
    """Answers with what it received; also plays the issuer's /jwks."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/jwks":
            self._answer({"keys": [ISSUER_KEY.as_dict(private=False)]})
        elif self.path.startswith("/v1/stream"):
            self._stream()
        else:
            length = int(self.headers.get("content-length") or 0)
            self.rfile.read(length)
            self._answer(
                {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "bytes": length}
            )

    do_POST = do_PUT = do_GET  # noqa: N815

    def _answer(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number in range(2):
            chunk = f"data: {number}\n\n".encode()
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class ThreadedServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


@dataclass
class Gateway:
    url: str
    issuer: str
    log: Path

    def token(self, *, key: ECKey = ISSUER_KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(time.time())
        content = {"iss": self.issuer, "aud": "foyer", "iat": now, "exp": now + 300, "sub": str(uuid4()), **claims}
        kept = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(header or {"alg": "ES256", "kid": "one"}, kept, key)

    def call(self, method: str, path: str, *, token: str | None = None, **kwargs: Any) -> httpx2.Response:
        headers = kwargs.pop("headers", {})
        if token:
            headers["authorization"] = f"Bearer {token}"
        with httpx2.Client(base_url=self.url, timeout=10) as client:
            return client.request(method, path, headers=headers, **kwargs)


def free_port() -> int:
    with socketserver.TCPServer((LOOPBACK, 0), socketserver.BaseRequestHandler) as probe:
        return int(probe.server_address[1])


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(f"{connection.request.path if connection.request else ''} {message!s}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    backend = ThreadedServer((LOOPBACK, 0), Backend)
    sockets = serve(echo, LOOPBACK, 0)
    for target in (backend.serve_forever, sockets.serve_forever):
        threading.Thread(target=target, daemon=True).start()
    here = f"http://{LOOPBACK}:{backend.server_address[1]}"
    urls = {
        **dict.fromkeys(SERVICES, here),
        "chat": f"http://{LOOPBACK}:{sockets.socket.getsockname()[1]}",
        "notifications": f"http://{LOOPBACK}:{free_port()}",  # nobody listens
    }
    port, admin = free_port(), free_port()
    limits = {"CALLER_PER_SECOND": 1, "CALLER_BURST": CALLER_BURST, "GUEST_BURST": GUEST_BURST}
    values = gateway.local_values(port=port, admin_port=admin, identity_url=here, api_urls=urls, limits=limits)
    config, log = folder / "envoy.yaml", folder / "envoy.log"
    config.write_text(gateway.render(values), encoding="utf-8")
    with log.open("wb") as out:
        envoy = subprocess.Popen(gateway.command(config), stdout=out, stderr=subprocess.STDOUT)
    try:
        url = f"http://{LOOPBACK}:{port}"
        until = time.monotonic() + 20
        while port_is_free(port):
            assert envoy.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield Gateway(url, here, log)
    finally:
        envoy.terminate()
        envoy.wait(10)
        backend.shutdown()
        sockets.shutdown()


def test_the_containers_configuration_is_valid(tmp_path: Path) -> None:
    config = tmp_path / "envoy.yaml"
    config.write_text(gateway.render({}), encoding="utf-8")
    command = [*gateway.command(config), "--mode", "validate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr


def test_entrypoint_fills_the_template_in_as_we_do(tmp_path: Path) -> None:
    fake = tmp_path / "envoy"
    fake.write_text("#!/bin/sh\necho $@\n")
    fake.chmod(0o755)
    out = tmp_path / "rendered.yaml"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GATEWAY_CONFIG": str(out), "CALLER_BURST": "7"}
    sh = shutil.which("sh") or "/bin/sh"
    said = subprocess.run(
        [sh, str(gateway.FOLDER / "entrypoint.sh")], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert str(out) in said
    assert out.read_text() == gateway.render({"CALLER_BURST": 7})


def test_entrypoint_refuses_a_value_that_is_no_address(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "GATEWAY_CONFIG": str(tmp_path / "x"), "ORDERS_HOST": "a|b"}
    done = subprocess.run(
        ["sh", str(gateway.FOLDER / "entrypoint.sh")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 64
    assert "ORDERS_HOST" in done.stderr


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="CALER_BURST"):
        gateway.render({"CALER_BURST": 1})


def test_admin_listens_on_loopback_only_in_containers_too() -> None:
    admin = yaml.safe_load(gateway.render({}))["admin"]["address"]["socket_address"]
    assert admin["address"] == "127.0.0.1"


def test_without_a_token_401_as_a_problem(running: Gateway) -> None:
    answer = running.call("GET", "/api/orders/v1/orders")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "https://foyer.dev/problems/unauthenticated"
    assert answer.json()["status"] == 401


def test_a_problem_speaks_the_callers_language(running: Gateway) -> None:
    russian = running.call("GET", "/api/orders/v1/orders", headers={"accept-language": "ru-RU,ru;q=0.9"})
    english = running.call("GET", "/api/orders/v1/orders", headers={"accept-language": "en"})
    assert russian.json()["title"] == "Нужно войти"
    assert english.json()["title"] == "Sign in first"


@pytest.mark.parametrize(
    "claims",
    [{"aud": "other"}, {"aud": None}, {"iss": "http://evil.test"}, {"exp": 1_000_000_000}, {"exp": None}],
    ids=["other audience", "no audience", "other issuer", "expired", "never expires"],
)
def test_a_wrong_token_401(running: Gateway, claims: dict[str, Any]) -> None:
    answer = running.call("GET", "/api/orders/v1/orders", token=running.token(**claims))
    assert answer.status_code == 401
    assert answer.json()["type"] == "https://foyer.dev/problems/unauthenticated"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_signed_by_a_stranger_401(running: Gateway) -> None:
    assert running.call("GET", "/api/orders/v1/x", token=running.token(key=STRANGERS_KEY)).status_code == 401


def test_a_token_without_a_signature_401(running: Gateway) -> None:
    head, body, _ = running.token().split(".")
    none = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    assert running.call("GET", "/api/orders/v1/x", token=f"{none}.{body}.").status_code == 401
    assert running.call("GET", "/api/orders/v1/x", token=f"{head}.{body}.AAAA").status_code == 401


@pytest.mark.parametrize("service", ["orders", "booking", "payments"])
def test_a_request_reaches_its_service_without_the_prefix(running: Gateway, service: str) -> None:
    answer = running.call("GET", f"/api/{service}/v1/things/7?limit=2", token=running.token())
    assert answer.status_code == 200
    assert answer.json()["path"] == "/v1/things/7?limit=2"


def test_headers_on_the_way_in(running: Gateway) -> None:
    token = running.token()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = running.call(
        "GET",
        "/api/orders/v1/x",
        token=token,
        headers={
            "X-Foyer-User": "root",
            "x-foyer-roles": "finance",
            "X-Foyer-Client-Address": "203.0.113.7",
            "traceparent": trace,
            "x-request-id": "mine",
        },
    )
    seen = answer.json()["headers"]
    assert {name: seen[name] for name in seen if name.startswith("x-foyer-")} == {"x-foyer-client-address": "127.0.0.1"}
    assert seen["authorization"] == f"Bearer {token}"
    assert seen["traceparent"] == trace
    assert seen["x-request-id"] not in ("", "mine")
    assert answer.headers["x-request-id"] == seen["x-request-id"]


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/api/orders", "/api/orders/v2/x", "/api/orders/health/ready", "/metrics"]
)
def test_what_is_no_route_is_404_and_needs_a_token_all_the_same(running: Gateway, path: str) -> None:
    answer = running.call("GET", path, token=running.token())
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "https://foyer.dev/problems/not-found"
    assert running.call("GET", path).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/payments/v1/webhooks/yookassa"),
        ("POST", "/api/payments/v1/webhooks/stripe"),
        ("POST", "/api/payments/v1/webhooks/a_third_one"),
        ("GET", "/api/payments/v1/outcomes/019ad9a0-0000-7000-8000-000000000013"),
        ("GET", "/api/payments/v1/page?payment_id=019ad9a0-0000-7000-8000-000000000013"),
        ("GET", MEMBERSHIP),
        ("GET", f"{MEMBERSHIP}/button"),
        ("GET", f"{MEMBERSHIP}/button/preview"),
        ("GET", "/api/orders/v1/storefront/orders/1000001?token=x"),
        ("POST", "/api/orders/v1/storefront/orders"),
        ("GET", f"{CALENDAR}.ics?token=x"),
        ("GET", CALENDAR.replace("calendars", "free-busy") + ".ics"),
        ("GET", "/api/orders/docs"),
        ("GET", "/api/booking/openapi.json"),
        ("GET", "/health/live"),
    ],
)
def test_public_routes_need_no_token(running: Gateway, method: str, path: str) -> None:
    assert running.call(method, path).status_code == 200


def test_the_bots_webhook_needs_no_token(running: Gateway) -> None:
    """What the gateway lets through is 503, because nobody listens at this service here."""
    assert running.call("POST", "/api/notifications/v1/telegram/webhook").status_code == 503


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/payments/v1/webhooks/yookassa"),
        ("GET", "/api/notifications/v1/telegram/webhook"),
        ("POST", "/api/payments/v1/webhooks/yookassa/more"),
        ("POST", "/api/payments/v1/webhooks"),
        ("POST", "/api/orders/docs"),
        ("GET", "/api/orders/v1/storefront/orders"),
        ("POST", "/api/orders/v1/storefront/orders/1000001"),
        ("PUT", "/api/orders/v1/storefront/orders"),
        ("GET", "/api/orders/v1/storefront/orders/mine"),
        ("GET", "/api/orders/v1/storefront/orders/1000001/history"),
        ("GET", "/api/orders/v1/storefront/../orders/1000001"),
        ("POST", MEMBERSHIP),
        ("GET", CALENDAR),
        ("DELETE", f"{CALENDAR}.ics"),
        ("GET", f"{CALENDAR}.ics/more"),
        ("GET", "/api/booking/v1/storefront/orders/1"),
        ("GET", "/api/orders/docs/more"),
        ("GET", "/api/orders/v1/openapi.json"),
        ("GET", "/api/orders/docs/../v1/orders"),
        ("POST", "//api/payments//v1/webhooks/../invoices"),
    ],
)
def test_what_only_looks_public_needs_a_token(running: Gateway, method: str, path: str) -> None:
    request = httpx2.Request(method, running.url + "/placeholder")
    request.url = request.url.copy_with(raw_path=path.encode())
    with httpx2.Client(timeout=10) as client:
        assert client.send(request).status_code == 401


def test_an_escaped_slash_is_refused(running: Gateway) -> None:
    answer = running.call("GET", "/api/orders/docs%2f..%2fv1", token=running.token())
    assert answer.status_code == 400


def test_a_body_up_to_a_mebibyte(running: Gateway) -> None:
    allowed = running.call("POST", "/api/orders/v1/x", token=running.token(), content=b"a" * MEBIBYTE)
    assert allowed.json()["bytes"] == MEBIBYTE
    refused = running.call("POST", "/api/orders/v1/x", token=running.token(), content=b"a" * (MEBIBYTE + 1))
    assert refused.status_code == 413
    assert refused.json()["type"] == "https://foyer.dev/problems/content-too-large"
    assert refused.json()["limit_bytes"] == MEBIBYTE


def test_a_body_that_does_not_say_its_length_is_limited_too(running: Gateway) -> None:
    chunks = (b"a" * 65_536 for _ in range(17))
    assert running.call("POST", "/api/orders/v1/x", token=running.token(), content=chunks).status_code == 413


@pytest.mark.parametrize(
    "path",
    ["/api/orders/v1/orders/1000001/files", "/api/chat/v1/conversations/019ad9a0-0000-7000-8000-000000000004/files"],
)
def test_a_file_may_be_larger_and_nothing_beside_it(running: Gateway, path: str) -> None:
    file = b"a" * (3 * MEBIBYTE)
    answer = running.call("POST", path, token=running.token(), content=file)
    # Nobody is there for chat; that its answer is not 413 says that the file was let through.
    assert answer.json()["bytes"] == len(file) if "/orders/" in path else answer.status_code == 503
    assert running.call("POST", path, content=file[:10]).status_code == 401
    for other in (f"{path}/1", f"{path}x", "/api/orders/v1/orders/abc/files", "/api/booking/v1/orders/1/files"):
        assert running.call("POST", other, token=running.token(), content=file).status_code == 413
    assert running.call("PUT", path, token=running.token(), content=file).status_code == 413


def test_one_caller_is_limited_and_another_is_not(running: Gateway) -> None:
    greedy, modest = running.token(), running.token()
    with httpx2.Client(base_url=running.url, headers={"authorization": f"Bearer {greedy}"}) as client:
        answers = [client.get("/api/orders/v1/x") for _ in range(CALLER_BURST * 2)]
    codes = [answer.status_code for answer in answers]
    assert codes[:CALLER_BURST] == [200] * CALLER_BURST
    refused = [answer for answer in answers if answer.status_code == 429]
    # One more a second is let in; the loop takes less than ten.
    assert len(refused) >= CALLER_BURST - 10
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert refused[0].json()["type"] == "https://foyer.dev/problems/too-many-requests"
    assert running.call("GET", "/api/orders/v1/x", token=modest).status_code == 200


def test_guests_of_one_address_buy_only_so_often(running: Gateway) -> None:
    with httpx2.Client(base_url=running.url) as client:
        answers = [client.post("/api/orders/v1/storefront/orders") for _ in range(GUEST_BURST * 2)]
        # Looking is not buying.
        looking = [client.get("/api/orders/v1/storefront/orders/1") for _ in range(GUEST_BURST * 2)]
    refused = [answer for answer in answers if answer.status_code == 429]
    # One was let in by the test of public routes.
    assert GUEST_BURST <= len(refused) <= GUEST_BURST + 1
    assert refused[0].headers["retry-after"] == "60"
    assert refused[0].json()["type"] == "https://foyer.dev/problems/too-many-requests"
    assert {answer.status_code for answer in looking} == {200}


def test_the_limit_follows_the_person_over_several_tokens(running: Gateway) -> None:
    person = str(uuid4())
    codes = [
        running.call("GET", "/api/orders/v1/x", token=running.token(sub=person, jti=str(n))).status_code
        for n in range(CALLER_BURST + 12)
    ]
    assert 429 in codes


def test_a_service_that_is_away_is_503_with_retry_after(running: Gateway) -> None:
    answer = running.call("GET", "/api/notifications/v1/feed", token=running.token())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_stream_arrives_piece_by_piece(running: Gateway) -> None:
    headers = {"authorization": f"Bearer {running.token()}", "accept": "text/event-stream"}
    started = time.monotonic()
    with httpx2.stream("GET", running.url + "/api/orders/v1/stream", headers=headers) as answer:
        pieces = [(time.monotonic() - started, piece) for piece in answer.iter_text()]
    assert "".join(piece for _, piece in pieces) == "data: 0\n\ndata: 1\n\n"
    assert pieces[0][0] < 0.4
    assert pieces[-1][0] > 0.4


def test_an_export_may_take_its_time_and_nothing_else() -> None:
    """As long as something comes; other answers have their 30 s."""
    (listener,) = yaml.safe_load(gateway.render({}))["static_resources"]["listeners"]
    (chain,) = listener["filter_chains"]
    manager = chain["filters"][0]["typed_config"]
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    unlimited = [route["match"] for route in routes if route.get("route", {}).get("timeout") == "0s"]
    plain = [match for match in unlimited if not {"accept", "upgrade"} & {each["name"] for each in match["headers"]}]
    assert [match["path"] for match in plain] == ["/api/orders/v1/orders/export"]


def test_sockets_belong_to_chat_alone(running: Gateway) -> None:
    base = running.url.replace("http://", "ws://")
    headers = {"authorization": f"Bearer {running.token()}"}
    with connect(f"{base}/api/chat/v1/socket", additional_headers=headers) as socket:
        socket.send("hello")
        assert socket.recv(5) == "/v1/socket hello"
    with pytest.raises(InvalidStatus, match="401"), connect(f"{base}/api/chat/v1/socket"):
        pass
    with pytest.raises(InvalidStatus, match="403"), connect(f"{base}/api/orders/v1/socket", additional_headers=headers):
        pass


def test_the_log_holds_neither_queries_nor_tokens(running: Gateway) -> None:
    token = running.token(sub="11111111-1111-7111-8111-111111111111")
    running.call("GET", "/api/orders/v1/looked-for?phone=79001234567", token=token)
    until = time.monotonic() + 15  # Envoy writes its log at least every ten seconds
    while "looked-for" not in running.log.read_text():
        assert time.monotonic() < until
        time.sleep(0.1)
    text = running.log.read_text()
    line = next(json.loads(row) for row in text.splitlines() if "looked-for" in row)
    assert line["path"] == "/api/orders/v1/looked-for"
    assert line["status"] == 200
    assert line["caller"] == "11111111-1111-7111-8111-111111111111"
    assert line["request_id"]
    assert "79001234567" not in text
    assert token.split(".")[2] not in text
