"""Files that staff attach to an order (B9), on a folder."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from foyer_chassis.files.leaving import give_up, sweep
from foyer_chassis.files.rules import StorageUnavailableError, clean_name
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_sandbox.clamd import EICAR, clamd
from orders.attachments import store, use_cases
from orders.attachments.tables import order_files
from orders.service import SERVICE
from orders.settings import Settings
from pydantic import ValidationError

from .cabinet import EXE, HTML, JPEG, PDF, PNG, SVG, XLSX_TYPE, Cabinet, workbook
from .conftest import NOW, Desk

pytestmark = pytest.mark.feature("B9")

MOST_BYTES = 3 * 1024 * 1024
MOST_FILES = 3


@pytest.fixture
async def service(databases: Databases, identity: Identity, tmp_path: Path) -> AsyncIterator[Running]:
    limits = {"file_bytes": MOST_BYTES, "files_per_order": MOST_FILES}
    async with running(SERVICE, databases, identity, files_folder=tmp_path / "files", **limits) as it:
        it.at(NOW)
        yield it


@pytest.fixture
def desk(service: Running) -> Desk:
    return Desk(service)


@pytest.fixture
def cabinet(desk: Desk) -> Cabinet:
    return Cabinet(desk)


@pytest.fixture
async def order(desk: Desk) -> dict[str, Any]:
    return await desk.place(await desk.offering(terms="free", needs_file=True))


async def rows(service: Running) -> list[dict[str, Any]]:
    async with service.database.read() as reading:
        return [dict(row) for row in await reading.all(sa.select(order_files).order_by(order_files.c.id))]


def kept(service: Running) -> list[Path]:
    assert isinstance(service.settings, Settings)
    return [path for path in service.settings.files_folder.rglob("*") if path.is_file()]


async def test_a_file_is_attached_listed_and_downloaded(cabinet: Cabinet, order: dict[str, Any]) -> None:
    file = await cabinet.attached(order)
    assert (file["name"], file["media_type"], file["size_bytes"]) == ("Акт.pdf", "application/pdf", len(PDF))
    assert file["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert (file["author_id"], file["author_name"]) == (cabinet.desk.id_of("sergey"), "Sergey")
    listed = (await cabinet.listed(order)).json()
    assert listed["items"] == [file]
    assert (listed["most_files"], listed["most_bytes"]) == (MOST_FILES, MOST_BYTES)
    assert "application/pdf" in listed["media_types"]
    assert (await cabinet.desk.card(order, "sergey", "service_manager"))["files"] == 1
    assert (await cabinet.get(order, file)).content == PDF


async def test_a_download_is_kept_and_never_run(cabinet: Cabinet, order: dict[str, Any]) -> None:
    file = await cabinet.attached(order, name='Акт "1".pdf')
    answer = await cabinet.get(order, file)
    assert answer.status_code == 200
    headers = answer.headers
    assert headers["content-type"] == "application/pdf"
    assert headers["content-length"] == str(len(PDF))
    assert headers["content-disposition"] == (
        "attachment; filename=\"___ _1_.pdf\"; filename*=UTF-8''%D0%90%D0%BA%D1%82%20_1_.pdf"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox")
    assert "no-store" in headers["cache-control"]
    assert headers["repr-digest"].startswith("sha-256=:")
    text = await cabinet.attached(order, "Привет".encode(), name="a.txt", media_type="text/plain; charset=utf-8")
    assert (await cabinet.get(order, text)).headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.feature("B1")
async def test_who_may_attach_and_who_may_only_look(cabinet: Cabinet, order: dict[str, Any]) -> None:
    file = await cabinet.attached(order)
    desk = cabinet.desk
    callers = {
        "applicant": (("anna", "customer"), 403, 403),
        "another customer": (("boris", "customer"), 404, 404),
        "staff of other kinds": (("rita", "rent_manager"), 404, 404),
        "a contractor without the order": (("petr", "contractor"), 404, 404),
        "finance": (("fedor", "finance"), 403, 200),
        "administrator": (("alex", "administrator"), 201, 200),
    }
    for who, (caller, may_attach, may_see) in callers.items():
        attached = await cabinet.attach(order, PDF, "Второй.pdf", "application/pdf", *caller)
        assert attached.status_code == may_attach, who
        if may_attach == 201:
            assert (await cabinet.remove(order, attached.json(), *caller)).status_code == 204
        else:
            assert (await cabinet.remove(order, file, *caller)).status_code == may_attach, who
        assert (await cabinet.listed(order, *caller)).status_code == may_see, who
        assert (await cabinet.get(order, file, *caller)).status_code == may_see, who
    assert (await desk.put(order, "assignee", {"assignee_id": desk.id_of("petr")})).status_code == 200
    mine = await cabinet.attach(order, PNG, "Фото.png", "image/png", "petr", "contractor")
    assert mine.status_code == 201
    assert (await desk.orders.client(None).get(f"/v1/orders/{order['number']}/files")).status_code == 401
    # Of another location than the order's.
    elsewhere = await cabinet.attach(order, username="sergey", locations=[str(uuid4())])
    assert elsewhere.status_code == 404


async def test_the_applicants_card_and_events_say_nothing_of_files(cabinet: Cabinet, order: dict[str, Any]) -> None:
    before = await cabinet.desk.orders.published()
    await cabinet.attached(order, name="Секрет.pdf")
    card = await cabinet.desk.card(order)
    assert card["files"] is None
    assert card["unread"] is False
    assert "Секрет" not in str(card)
    assert await cabinet.desk.orders.published() == before


async def test_a_file_of_another_order_is_not_there(cabinet: Cabinet, order: dict[str, Any]) -> None:
    file = await cabinet.attached(order)
    other = await cabinet.desk.place(await cabinet.desk.offering(terms="free"), "boris")
    assert (await cabinet.get(other, file)).status_code == 404
    assert (await cabinet.remove(other, file)).status_code == 404
    assert (await cabinet.get({"number": 2**61}, file)).status_code == 404


async def test_an_order_that_needs_a_file_is_not_finished_without_one(cabinet: Cabinet, order: dict[str, Any]) -> None:
    desk = cabinet.desk
    await desk.does(order, "take", "sergey", "service_manager")
    refused = await desk.act(order, "finish", "sergey", "service_manager")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("/file-needed")
    file = await cabinet.attached(order)
    assert (await cabinet.remove(order, file)).status_code == 204
    assert (await desk.act(order, "finish", "sergey", "service_manager")).status_code == 409
    file = await cabinet.attached(order)
    await desk.does(order, "finish", "sergey", "service_manager")
    # Handed in with this file: it stays, unless another takes its place.
    assert (await cabinet.remove(order, file)).json()["type"].endswith("/file-needed")
    await cabinet.attached(order, PNG, name="a.png", media_type="image/png")
    assert (await cabinet.remove(order, file)).status_code == 204
    assert (await desk.does(order, "confirm", "anna"))["status"] == "done"


@pytest.mark.feature("A10")
async def test_what_should_have_closed_by_itself_waits_for_its_file(cabinet: Cabinet) -> None:
    desk = cabinet.desk
    order = await desk.place(await desk.offering(terms="free", needs_file=True, auto_close_minutes=60))
    await desk.does(order, "take", "sergey", "service_manager")
    file = await cabinet.attached(order)
    await desk.does(order, "finish", "sergey", "service_manager")
    # As an order of the release before may be: handed in, and its file is gone.
    async with desk.orders.database.transaction() as transaction:
        await transaction.execute(sa.text("UPDATE orders SET files = 0"))
        await transaction.execute(sa.text("DELETE FROM order_files"))
    desk.orders.at(NOW + timedelta(hours=2))
    await desk.orders.turn("order_deadlines")
    assert (await desk.card(order))["status"] == "awaiting_confirmation"
    assert (await cabinet.attached(order))["id"] != file["id"]
    assert (await desk.card(order))["status"] == "done"


async def test_removing_lowers_the_count_and_the_clock_deletes_the_content(
    service: Running, cabinet: Cabinet, order: dict[str, Any]
) -> None:
    file = await cabinet.attached(order)
    assert len(kept(service)) == 1
    assert (await cabinet.remove(order, file)).status_code == 204
    assert (await cabinet.get(order, file)).status_code == 404
    assert (await cabinet.remove(order, file)).status_code == 404
    assert await cabinet.names(order) == []
    assert (await cabinet.desk.card(order, "sergey", "service_manager"))["files"] == 0
    await service.turn("order_files")
    assert (await rows(service), kept(service)) == ([], [])


async def test_files_of_a_customer_who_is_erased_go_too(
    service: Running, cabinet: Cabinet, desk: Desk, order: dict[str, Any]
) -> None:
    await cabinet.attached(order)
    other = await desk.place(await desk.offering(terms="free"), "boris")
    await cabinet.attached(other)
    await desk.does(order, "cancel", "anna")
    assert (await desk.client("anna").post("/v1/customers/me/erase")).status_code == 200
    assert (await cabinet.names(order), (await desk.card(order, "alex", "administrator"))["files"]) == ([], 0)
    await service.turn("order_files")
    assert (len(kept(service)), len(await rows(service)), len(await cabinet.names(other))) == (1, 1, 1)


async def test_what_is_too_large_or_empty_is_refused_and_leaves_nothing(
    service: Running, cabinet: Cabinet, order: dict[str, Any]
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield PDF
        for _ in range(MOST_BYTES // 65536 + 2):
            yield bytes(65536)
            sizes.append(sum(path.stat().st_size for path in kept(service)))

    sizes: list[int] = []
    declared = await cabinet.attach(order, PDF + bytes(MOST_BYTES))
    undeclared = await cabinet.attach(order, endless())
    for answer in (declared, undeclared):
        assert answer.status_code == 413
        assert answer.json()["type"].endswith("/file-too-large")
        assert answer.json()["limit_bytes"] == MOST_BYTES
    # It went to the disk piece by piece, and no further than allowed.
    assert sizes[10] > 0
    assert max(sizes) <= MOST_BYTES
    empty = await cabinet.attach(order, b"")
    assert (empty.status_code, empty.json()["type"].rpartition("/")[2]) == (422, "empty-file")
    assert (await rows(service), kept(service)) == ([], [])
    exactly = await cabinet.attach(order, PDF + bytes(MOST_BYTES - len(PDF)))
    assert exactly.status_code == 201


async def test_no_setting_lets_more_in_than_the_route_and_other_routes_stay_small(
    service: Running, cabinet: Cabinet, order: dict[str, Any]
) -> None:
    client = cabinet.desk.client("sergey", "service_manager")
    path = f"/v1/orders/{order['number']}"
    answer = await client.post(
        f"{path}/files?name=a.pdf",
        content=PDF,
        headers={"Content-Type": "application/pdf", "Content-Length": str(200 * 1024 * 1024)},
    )
    assert answer.status_code == 413
    big = b'{"comment": "' + b"a" * (1024 * 1024) + b'"}'
    refused = await client.post(f"{path}/comments", content=big, headers={"Idempotency-Key": "k"})
    assert refused.status_code == 413
    with pytest.raises(ValidationError):
        service.settings.model_validate({**service.settings.model_dump(), "file_bytes": 10**12})


@pytest.mark.parametrize(
    ("content", "media_type", "status", "problem"),
    [
        (PNG, "application/pdf", 422, "file-type-mismatch"),
        (HTML, "application/pdf", 422, "file-type-mismatch"),
        (EXE, "image/png", 422, "file-type-mismatch"),
        (PDF, "text/plain", 422, "file-type-mismatch"),
        ("Привет".encode("cp1251"), "text/plain", 422, "file-type-mismatch"),
        (b"abc\0def", "text/csv", 422, "file-type-mismatch"),
        (b"a" * 70_000 + b"\xff\xfe", "text/plain", 422, "file-type-mismatch"),
        (b"a" * 70_000 + "я".encode()[:1], "text/plain", 422, "file-type-mismatch"),
        (HTML, "text/html", 415, "file-type-not-allowed"),
        (SVG, "image/svg+xml", 415, "file-type-not-allowed"),
        (EXE, "application/x-msdownload", 415, "file-type-not-allowed"),
        (PDF, "application/octet-stream", 415, "file-type-not-allowed"),
        (PDF, None, 415, "file-type-not-allowed"),
        (PDF, "multipart/form-data; boundary=x", 415, "file-type-not-allowed"),
    ],
)
async def test_a_wrong_type_is_refused(
    service: Running,
    cabinet: Cabinet,
    order: dict[str, Any],
    content: bytes,
    media_type: str | None,
    status: int,
    problem: str,
) -> None:
    answer = await cabinet.attach(order, content, "a.pdf", media_type)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (status, problem)
    assert (await rows(service), kept(service)) == ([], [])
    if status == 415:
        assert "application/pdf" in answer.json()["allowed"]


@pytest.mark.parametrize(
    ("content", "name", "media_type"),
    [
        (PDF, "a.pdf", "application/pdf; x=y"),
        (JPEG, "a.jpeg", "IMAGE/JPEG"),
        (workbook(), "Смета.xlsx", XLSX_TYPE),
        ("Номер;Сумма\n1;2\n".encode(), "a.csv", "text/csv"),
        ("я".encode() * 40_000, "a.txt", "text/plain"),
    ],
)
async def test_the_usual_types_are_taken(
    cabinet: Cabinet, order: dict[str, Any], content: bytes, name: str, media_type: str
) -> None:
    file = await cabinet.attached(order, content, name=name, media_type=media_type)
    assert file["name"] == name
    assert (await cabinet.get(order, file)).content == content


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("..\\..\\windows\\system32\\a.pdf", "a.pdf"),
        ("/etc/cron.d/x.pdf", "x.pdf"),
        ("..", "file.pdf"),
        ("%2e%2e%2fa.pdf", "%2e%2e%2fa.pdf"),
        (".htaccess", "htaccess.pdf"),
        (".pdf", "file.pdf"),
        ("a.PDF", "a.pdf"),
        ("act.pdf.exe", "act.pdf.exe.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "a Set-Cookie_ x=1.pdf"),
        ('a";filename="b.pdf', "a_;filename=_b.pdf"),
        ("a\0b.pdf", "ab.pdf"),
        ("Акт  № 1 .pdf", "Акт № 1.pdf"),
        ("я" * 300 + ".pdf", "я" * 98 + ".pdf"),
        ("e\u0301.pdf", "\u00e9.pdf"),
    ],
)
async def test_names_lead_nowhere(
    service: Running, cabinet: Cabinet, order: dict[str, Any], given: str, name: str
) -> None:
    file = await cabinet.attached(order, name=given)
    assert file["name"] == name
    (path,) = kept(service)
    assert isinstance(service.settings, Settings)
    assert path.relative_to(service.settings.files_folder).parts == ("orders", order["id"], file["id"])
    answer = await cabinet.get(order, file)
    assert answer.content == PDF
    assert "set-cookie" not in answer.headers


def test_a_clean_name_is_clean_already() -> None:
    for name in ("Акт № 1 (копия).pdf", "a.pdf", "file.pdf"):
        assert clean_name(clean_name(name, "application/pdf"), "application/pdf") == name
    assert clean_name("", "text/plain") == "file.txt"


async def test_no_more_files_than_allowed_however_many_come_at_once(
    service: Running, cabinet: Cabinet, order: dict[str, Any]
) -> None:
    answers = await asyncio.gather(
        *(cabinet.attach(order, PDF + bytes([n + 1]), f"{n}.pdf") for n in range(MOST_FILES + 4))
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * MOST_FILES + [409] * 4
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert (refused.json()["type"].rpartition("/")[2], refused.json()["most"]) == ("too-many-files", MOST_FILES)
    assert len(kept(service)) == MOST_FILES
    assert (await cabinet.desk.card(order, "sergey", "service_manager"))["files"] == MOST_FILES
    files = (await cabinet.listed(order)).json()["items"]
    assert (await cabinet.remove(order, files[0])).status_code == 204
    assert (await cabinet.attach(order, PNG, "b.png", "image/png")).status_code == 201


async def test_the_same_file_sent_again_is_one_file(service: Running, cabinet: Cabinet, order: dict[str, Any]) -> None:
    first = await cabinet.attached(order)
    again = await cabinet.attach(order)
    assert (again.status_code, again.json()) == (200, first)
    at_once = await asyncio.gather(*(cabinet.attach(order, PNG, "b.png", "image/png") for _ in range(2)))
    assert sorted(answer.status_code for answer in at_once) == [200, 201]
    assert len({answer.json()["id"] for answer in at_once}) == 1
    assert await cabinet.names(order) == ["Акт.pdf", "b.png"]
    assert (await cabinet.desk.card(order, "sergey", "service_manager"))["files"] == 2
    assert len(kept(service)) == 2
    await cabinet.attached(order, name="Другое имя.pdf")


class Killed(BaseException):
    """Stands for kill -9: nothing runs after it."""


async def killed_at(service: Running, monkeypatch: pytest.MonkeyPatch, cabinet: Cabinet, order: Any, at: str) -> None:
    """An upload whose process dies right before the storage, in the middle of the content, or before completing."""
    storage = service.app.state.files.storage

    async def nothing(*_: object, **__: object) -> None:
        return None

    async def dies(*_: object, **__: object) -> None:
        raise Killed

    async def half() -> AsyncIterator[bytes]:
        yield PDF + bytes(9000)
        if at == "content":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(use_cases, "give_up", nothing)
        if at == "storage":
            patch.setattr(storage, "put", dies)
        if at == "content":
            # What was written so far stays, as it would.
            patch.setattr(Path, "unlink", lambda *_, **__: None)
        if at == "completing":
            patch.setattr(use_cases, "complete", dies)
        with pytest.raises(Killed):
            await use_cases.attach(
                service.database,
                storage,
                await service.app.state.verifier.verify(service.identity.token("sergey", "service_manager")),
                order["number"],
                half(),
                name="a.pdf",
                media_type="application/pdf",
                rules=service.app.state.files.rules,
            )


@pytest.mark.parametrize("at", ["storage", "content", "completing"])
async def test_a_crash_leaves_nothing_visible_and_is_swept(
    service: Running, monkeypatch: pytest.MonkeyPatch, cabinet: Cabinet, order: dict[str, Any], at: str
) -> None:
    await killed_at(service, monkeypatch, cabinet, order, at)
    (row,) = await rows(service)
    assert row["state"] == "uploading"
    assert len(kept(service)) == (0 if at == "storage" else 1)
    assert await cabinet.names(order) == []
    assert (await cabinet.get(order, {"id": row["id"]})).status_code == 404
    assert (await cabinet.desk.card(order, "sergey", "service_manager"))["files"] == 0
    # Somebody may still be at work on it: it is left alone until its lease is over.
    await service.turn("order_files")
    assert len(await rows(service)) == 1
    service.at(NOW + service.app.state.files.rules.lease + timedelta(seconds=1))
    await service.turn("order_files")
    assert (await rows(service), kept(service)) == ([], [])


async def test_crashed_uploads_take_a_place_only_while_their_lease_lasts(
    service: Running, monkeypatch: pytest.MonkeyPatch, cabinet: Cabinet, order: dict[str, Any]
) -> None:
    for _ in range(MOST_FILES):
        await killed_at(service, monkeypatch, cabinet, order, "storage")
    assert (await cabinet.attach(order)).status_code == 409
    service.at(NOW + service.app.state.files.rules.lease + timedelta(seconds=1))
    assert (await cabinet.attach(order)).status_code == 201


async def test_an_upload_that_outlives_its_lease_is_lost_to_the_clock(
    service: Running, monkeypatch: pytest.MonkeyPatch, cabinet: Cabinet, order: dict[str, Any]
) -> None:
    complete = use_cases.complete

    async def late(*args: Any, **kwargs: Any) -> Any:
        service.at(NOW + timedelta(days=1))
        await service.turn("order_files")
        return await complete(*args, **kwargs)

    monkeypatch.setattr(use_cases, "complete", late)
    answer = await cabinet.attach(order)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (408, "upload-interrupted")
    assert (await rows(service), kept(service)) == ([], [])


async def test_a_client_that_hangs_up_leaves_nothing(service: Running, cabinet: Cabinet, order: dict[str, Any]) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": PDF + bytes(20_000), "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    token = service.identity.token("sergey", "service_manager")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": f"/v1/orders/{order['number']}/files",
        "raw_path": b"",
        "root_path": "",
        "query_string": b"name=a.pdf",
        "headers": [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/pdf")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    await service.app(scope, receive, send)
    assert sent[0]["status"] == 408
    assert (await rows(service), kept(service)) == ([], [])


async def test_an_upload_that_takes_too_long_is_ended(databases: Databases, identity: Identity, tmp_path: Path) -> None:
    async with running(SERVICE, databases, identity, files_folder=tmp_path, file_upload_seconds=1) as service:
        service.at(NOW)
        cabinet = Cabinet(Desk(service))
        order = await cabinet.desk.place(await cabinet.desk.offering(terms="free"))

        async def slow() -> AsyncIterator[bytes]:
            yield PDF + bytes(9000)
            await asyncio.sleep(20)
            yield PDF

        answer = await cabinet.attach(order, slow())
        assert answer.status_code == 408
        assert (await rows(service), kept(service)) == ([], [])


async def test_more_uploads_at_once_than_memory_is_for_are_told_to_come_back(
    databases: Databases, identity: Identity, tmp_path: Path
) -> None:
    async with running(SERVICE, databases, identity, files_folder=tmp_path, file_uploads=1) as service:
        service.at(NOW)
        cabinet = Cabinet(Desk(service))
        order = await cabinet.desk.place(await cabinet.desk.offering(terms="free"))
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def waits() -> AsyncIterator[bytes]:
            begun.set()
            await go_on.wait()
            yield PDF

        first = asyncio.create_task(cabinet.attach(order, waits()))
        await begun.wait()
        busy = await cabinet.attach(order, PNG, "b.png", "image/png")
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
        go_on.set()
        assert (await first).status_code == 201


async def test_no_transaction_is_open_while_content_travels(
    service: Running, cabinet: Cabinet, order: dict[str, Any]
) -> None:
    held: list[int] = []

    async def watched() -> AsyncIterator[bytes]:
        yield PDF + bytes(9000)
        async with service.database.read() as reading:
            row = await reading.one_or_none(
                sa.text(
                    "SELECT count(*) AS open FROM pg_stat_activity WHERE datname = current_database()"
                    " AND state LIKE 'idle in transaction%'"
                )
            )
            assert row is not None
            held.append(row["open"])

    assert (await cabinet.attach(order, watched())).status_code == 201
    assert held == [0]


async def test_a_folder_that_cannot_be_written(service: Running, cabinet: Cabinet, order: dict[str, Any]) -> None:
    assert isinstance(service.settings, Settings)
    service.settings.files_folder.write_bytes(b"no folder")
    answer = await cabinet.attach(order)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (503, "storage-unavailable")


async def test_storage_that_fails_is_503_and_swept_later(
    service: Running, monkeypatch: pytest.MonkeyPatch, cabinet: Cabinet, order: dict[str, Any]
) -> None:
    storage = service.app.state.files.storage
    file = await cabinet.attached(order)

    async def fails(*_: object, **__: object) -> None:
        raise StorageUnavailableError(retry_after_seconds=5)

    with monkeypatch.context() as patch:
        for name in ("put", "read", "delete"):
            patch.setattr(storage, name, fails)
        refused = await cabinet.attach(order, PNG, "b.png", "image/png")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert (await cabinet.get(order, file)).status_code == 503
        assert (await cabinet.remove(order, file)).status_code == 204
    # The worker's storage is another object on the same folder, and works.
    await service.turn("order_files")
    assert [row["state"] for row in await rows(service)] == ["leaving"]
    service.at(NOW + timedelta(days=1))
    await service.turn("order_files")
    assert (await rows(service), kept(service)) == ([], [])


async def test_an_upload_that_became_whole_is_not_given_up(
    service: Running, cabinet: Cabinet, order: dict[str, Any]
) -> None:
    """Its answer was lost after the commit: whoever cleans up must not take the content away."""
    attached = await cabinet.attached(order)
    async with service.database.read() as reading:
        file = await store.stored(reading, UUID(order["id"]), UUID(attached["id"]))
    assert file is not None
    files = service.app.state.files
    await give_up(service.database, files.storage, store, file, lease=files.rules.lease)
    assert [row["state"] for row in await rows(service)] == ["stored"]
    assert (await cabinet.get(order, attached)).content == PDF


async def test_two_sweepers_share_the_work(service: Running, cabinet: Cabinet, order: dict[str, Any]) -> None:
    for n in range(MOST_FILES):
        file = await cabinet.attached(order, PDF + bytes([n]), name=f"{n}.pdf")
        assert (await cabinet.remove(order, file)).status_code == 204
    files = service.app.state.files
    await asyncio.gather(*(sweep(service.database, files.storage, store, lease=files.rules.lease) for _ in range(3)))
    assert (await rows(service), kept(service)) == ([], [])


async def test_a_lost_content_is_told_and_logged(
    service: Running, cabinet: Cabinet, order: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    file = await cabinet.attached(order)
    kept(service)[0].unlink()
    answer = await cabinet.get(order, file)
    assert answer.status_code == 503
    assert UUID(file["id"])
    assert str(service.app.state.files.storage._folder) not in answer.text


def test_types_that_cannot_be_told_are_no_setting() -> None:
    with pytest.raises(ValidationError, match="cannot be told"):
        Settings(
            database_url="postgresql://x/y", amqp_url="amqp://x", oidc_issuer="x", oidc_jwks_url="x",
            file_types=("text/html",),
        )  # fmt: skip


async def test_a_file_with_a_virus_is_refused_and_leaves_nothing(
    databases: Databases, identity: Identity, tmp_path: Path
) -> None:
    async with (
        clamd() as scanner,
        running(SERVICE, databases, identity, files_folder=tmp_path, file_scanner=scanner) as service,
    ):
        service.at(NOW)
        cabinet = Cabinet(Desk(service))
        order = await cabinet.desk.place(await cabinet.desk.offering(terms="free"))
        refused = await cabinet.attach(order, PDF + EICAR.encode())
        assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (422, "file-infected")
        assert (await rows(service), kept(service)) == ([], [])
        await cabinet.attached(order)
