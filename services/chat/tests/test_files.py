"""Files and pictures sent in conversations: who sends and sees them, what is taken, what becomes of them (A24, B1)."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
from chat.domain.files import LOOSE_FOR, MOST_FILES_A_MESSAGE, MOST_LOOSE
from chat.service import SERVICE
from chat.settings import Settings
from chat.store import files as store
from chat.tables import files as table
from foyer_chassis.files.leaving import give_up
from foyer_chassis.testing import Databases, Identity, Running, running
from foyer_contracts.samples import APPLICANT, NOW, REQUEST
from foyer_sandbox.clamd import EICAR, clamd
from PIL import Image

from .conftest import PLACED, applicant, conversation_id, manager, read, sample

PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n"


def photo(*, size: tuple[int, int] = (1600, 1200), format_: str = "JPEG", camera: str = "") -> bytes:
    """A red picture; `camera` is what its EXIF says."""
    out = io.BytesIO()
    picture = Image.new("RGB", size, "red")
    exif = Image.Exif()
    if camera:
        exif[0x0110] = camera
        exif[0x0112] = 6  # turned by a quarter
    picture.save(out, format_, exif=exif)
    return out.getvalue()


@pytest.fixture
async def chat(databases: Databases, identity: Identity, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(SERVICE, databases, identity, files_folder=tmp_path / "files", file_bytes=200_000) as it:
        it.at(NOW)
        await it.handle(sample(PLACED))
        yield it


@pytest.fixture
async def id_(chat: Running) -> str:
    return await conversation_id(manager(chat))


async def put(
    client: httpx2.AsyncClient,
    id_: str,
    content: Any = PDF,
    name: str = "Акт.pdf",
    type_: str = "application/pdf",
    **query: str,
) -> httpx2.Response:
    return await client.post(
        f"/v1/conversations/{id_}/files",
        params={"name": name, **query},
        content=content,
        headers={"Content-Type": type_},
    )


async def uploaded(client: httpx2.AsyncClient, id_: str, *what: Any, **query: str) -> str:
    answer = await put(client, id_, *what, **query)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def send(
    client: httpx2.AsyncClient, id_: str, *files: str, text: str = "", thread: str = "public", key: str | None = None
) -> httpx2.Response:
    return await client.post(
        f"/v1/conversations/{id_}/messages",
        json={"thread": thread, "text": text, "file_ids": files},
        headers={"Idempotency-Key": key or uuid4().hex},
    )


async def get(client: httpx2.AsyncClient, id_: str, file: str, what: str = "") -> httpx2.Response:
    return await client.get(f"/v1/conversations/{id_}/files/{file}{what}")


def kept(chat: Running) -> list[Path]:
    assert isinstance(chat.settings, Settings)
    return [path for path in chat.settings.files_folder.rglob("*") if path.is_file()]


async def states(chat: Running) -> list[str]:
    async with chat.database.read() as reading:
        return sorted([row["state"] for row in await reading.all(sa.select(table.c.state))])


@pytest.mark.feature("A24")
async def test_a_file_goes_with_a_message_to_the_other_side(chat: Running, id_: str) -> None:
    file = await uploaded(applicant(chat), id_)
    assert (await send(applicant(chat), id_, file)).status_code == 201
    (message,) = [item for item in await read(manager(chat), id_) if item["files"]]
    assert (message["text"], message["author"]["kind"]) == ("", "customer")
    assert message["files"] == [
        {"id": file, "name": "Акт.pdf", "media_type": "application/pdf", "size_bytes": len(PDF), "picture": False}
    ]
    found = await get(manager(chat), id_, file)
    assert (found.status_code, found.content, found.headers["content-type"]) == (200, PDF, "application/pdf")
    assert found.headers["content-disposition"].startswith("attachment")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert (await get(manager(chat), id_, file, "/picture")).status_code == 404
    # Found by the file's name.
    assert [item["id"] for item in await read(manager(chat), id_, q="акт.p")] == [message["id"]]
    (posted,) = [
        event for event in await chat.published("chat.message.posted.v1") if event.data.author_kind == "customer"
    ]
    assert "Акт" not in posted.model_dump_json()


@pytest.mark.feature("A24")
async def test_what_is_internal_stays_inside(chat: Running, id_: str) -> None:
    """Not a byte of it, nor its name, reaches the applicant; also not under an id that they were told."""
    file = await uploaded(manager(chat), id_, photo(), "Смета.jpg", "image/jpeg", thread="internal")
    assert (await send(manager(chat), id_, file, thread="internal")).status_code == 201
    assert (await get(manager(chat), id_, file)).status_code == 200
    for what in ("", "/picture"):
        assert (await get(applicant(chat), id_, file, what)).status_code == 404
    assert "Смета" not in str(await read(applicant(chat), id_))
    assert (await put(applicant(chat), id_, thread="internal")).status_code == 404
    # It cannot be moved to the other thread.
    loose = await uploaded(manager(chat), id_, thread="internal")
    refused = await send(manager(chat), id_, loose)
    assert (refused.status_code, refused.json()["unknown"]) == (422, [loose])


@pytest.mark.feature("A24")
@pytest.mark.feature("B1")
async def test_who_may_not(chat: Running, id_: str) -> None:
    file = await uploaded(applicant(chat), id_)
    # Not sent yet: its author's alone, to see, send and give up.
    assert (await get(applicant(chat), id_, file)).status_code == 200
    assert (await get(manager(chat), id_, file)).status_code == 404
    assert (await send(manager(chat), id_, file)).status_code == 422
    assert (await manager(chat).delete(f"/v1/conversations/{id_}/files/{file}")).status_code == 404
    await send(applicant(chat), id_, file)
    stranger = chat.client("boris", "customer")
    assert (await get(stranger, id_, file)).status_code == 404
    assert (await put(stranger, id_)).status_code == 404
    assert (await chat.client().get(f"/v1/conversations/{id_}/files/{file}")).status_code == 401
    # Another conversation's address does not lead to it.
    await chat.handle(sample(PLACED, order_id=REQUEST, conversation_id=None))
    other = await conversation_id(manager(chat), REQUEST)
    assert (await get(manager(chat), other, file)).status_code == 404
    assert (await send(applicant(chat), other, file)).status_code == 422
    # Who may read and not edit, does not send either.
    reader = chat.client("petr", "finance", sub=str(uuid4()))
    if (await reader.get(f"/v1/conversations/{id_}/messages")).status_code == 200:
        assert (await put(reader, id_)).status_code == 403


async def test_a_file_is_sent_once_and_a_repeat_answers_the_same(chat: Running, id_: str) -> None:
    file = await uploaded(applicant(chat), id_)
    first = await send(applicant(chat), id_, file, key="one")
    again = await send(applicant(chat), id_, file, key="one")
    assert (first.status_code, again.json()) == (201, first.json())
    assert (await send(applicant(chat), id_, file)).status_code == 422
    assert (await send(applicant(chat), id_, file, file)).status_code == 422
    files = [await uploaded(applicant(chat), id_) for _ in range(2)]
    answers = await asyncio.gather(*(send(applicant(chat), id_, *files) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
    assert [file["id"] for item in await read(manager(chat), id_) for file in item["files"]] == [file, *files]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "  "}, 422),
        ({"file_ids": []}, 422),
        ({"file_ids": ["x"]}, 422),
        ({"file_ids": [str(uuid4()) for _ in range(MOST_FILES_A_MESSAGE + 1)]}, 422),
        ({"file_ids": [str(uuid4())]}, 422),
    ],
)
async def test_a_message_says_something_or_has_files(
    chat: Running, id_: str, body: dict[str, Any], status: int
) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    answer = await applicant(chat).post(f"/v1/conversations/{id_}/messages", json=body, headers=headers)
    assert answer.status_code == status
    assert [item for item in await read(manager(chat), id_) if item["author"]["kind"] == "customer"] == []


@pytest.mark.parametrize(
    ("content", "type_", "status", "problem"),
    [
        (b"", "application/pdf", 422, "empty-file"),
        (b"MZ" + bytes(100), "application/pdf", 422, "file-type-mismatch"),
        (PDF, "image/png", 422, "file-type-mismatch"),
        (b"<svg/>", "image/svg+xml", 415, "file-type-not-allowed"),
        (PDF + bytes(200_000), "application/pdf", 413, "file-too-large"),
    ],
)
async def test_what_is_not_taken_leaves_nothing(
    chat: Running, id_: str, content: bytes, type_: str, status: int, problem: str
) -> None:
    answer = await put(applicant(chat), id_, content, "a", type_)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (status, problem)
    assert (kept(chat), await states(chat)) == ([], [])


async def test_no_more_loose_files_than_allowed_however_many_come_at_once(chat: Running, id_: str) -> None:
    rules = (await applicant(chat).get("/v1/file-rules")).json()
    assert rules["most_bytes"] == 200_000
    for _ in range(MOST_LOOSE - 2):
        await uploaded(applicant(chat), id_)
    answers = await asyncio.gather(*(put(applicant(chat), id_) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
    assert (await put(manager(chat), id_)).status_code == 201


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_has_a_small_one_without_what_the_camera_says(chat: Running, id_: str, format_: str) -> None:
    original = photo(format_=format_, camera="Secret-Camera")
    assert b"Secret-Camera" in original
    file = await uploaded(applicant(chat), id_, original, "Фото", f"image/{format_.lower()}")
    answer = await get(applicant(chat), id_, file, "/picture")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert b"Secret-Camera" not in answer.content
    with Image.open(io.BytesIO(answer.content)) as small:
        # Turned as the camera was held.
        assert small.size == (360, 480)
        red, green, blue = small.convert("RGB").getpixel((100, 100))  # type: ignore[misc]
        assert (red > 240, green < 20, blue < 20) == (True, True, True)
    assert (await get(applicant(chat), id_, file)).content == original


async def test_a_picture_that_cannot_be_decoded_is_a_file_like_any_other(chat: Running, id_: str) -> None:
    broken = photo()[:600]
    huge = photo(size=(5000, 5000), format_="PNG")
    for content, type_ in ((broken, "image/jpeg"), (huge, "image/png")):
        answer = await put(applicant(chat), id_, content, "a", type_)
        assert (answer.status_code, answer.json()["picture"]) == (201, False)


async def test_a_deleted_message_takes_its_files_along(chat: Running, id_: str) -> None:
    file = await uploaded(applicant(chat), id_, photo(), "a.jpg", "image/jpeg")
    message = (await send(applicant(chat), id_, file, text="Вот")).json()
    edited = await applicant(chat).patch(f"/v1/conversations/{id_}/messages/{message['id']}", json={"text": "Вот она"})
    assert [item["id"] for item in edited.json()["files"]] == [file]
    await applicant(chat).delete(f"/v1/conversations/{id_}/messages/{message['id']}")
    assert (await get(manager(chat), id_, file)).status_code == 404
    assert [item["files"] for item in await read(manager(chat), id_) if item["id"] == message["id"]] == [[]]
    await chat.turn("chat_files")
    assert (kept(chat), await states(chat)) == ([], [])


async def test_what_is_not_sent_goes_by_itself_and_what_is_sent_stays(chat: Running, id_: str) -> None:
    sent, given_up, forgotten = [await uploaded(applicant(chat), id_) for _ in range(3)]
    await send(applicant(chat), id_, sent)
    assert (await applicant(chat).delete(f"/v1/conversations/{id_}/files/{sent}")).status_code == 404
    assert (await applicant(chat).delete(f"/v1/conversations/{id_}/files/{given_up}")).status_code == 204
    await chat.turn("chat_files")
    assert (len(kept(chat)), await states(chat)) == (2, ["loose", "sent"])
    chat.at(NOW + LOOSE_FOR + timedelta(seconds=1))
    await asyncio.gather(*(chat.turn("chat_files") for _ in range(2)))
    assert (len(kept(chat)), await states(chat)) == (1, ["sent"])
    assert (await send(applicant(chat), id_, forgotten)).status_code == 422


async def test_an_upload_that_became_whole_is_not_given_up(chat: Running, id_: str) -> None:
    """Its answer was lost after the commit: whoever cleans up must not take the content away."""
    file_id = await uploaded(applicant(chat), id_)
    async with chat.database.read() as reading:
        file = await store.seen(reading, UUID(id_), UUID(file_id))
    assert file is not None
    files = chat.app.state.files
    await give_up(chat.database, files.storage, store, file, lease=files.rules.lease)
    assert await states(chat) == ["loose"]
    assert (await send(applicant(chat), id_, file_id)).status_code == 201
    assert (await get(manager(chat), id_, file_id)).content == PDF


async def test_upload_that_fails_leaves_nothing_also_in_the_folder(
    chat: Running, id_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(store, "complete", dies)
    assert (await put(applicant(chat), id_)).status_code == 500
    assert (await states(chat), kept(chat)) == ([], [])


async def test_an_erased_customers_files_go(chat: Running, id_: str) -> None:
    mine, theirs = await uploaded(applicant(chat), id_), await uploaded(manager(chat), id_)
    await send(applicant(chat), id_, mine)
    await send(manager(chat), id_, theirs)
    await chat.handle_twice(sample("orders.customer.changed.v1", customer_id=APPLICANT, erased=True))
    await chat.turn("chat_files")
    assert (await get(manager(chat), id_, mine)).status_code == 404
    assert (await get(manager(chat), id_, theirs)).status_code == 200
    assert len(kept(chat)) == 1


async def test_a_virus_is_refused(databases: Databases, identity: Identity, tmp_path: Path) -> None:
    async with (
        clamd() as scanner,
        running(SERVICE, databases, identity, files_folder=tmp_path, file_scanner=scanner) as chat,
    ):
        chat.at(NOW)
        await chat.handle(sample(PLACED))
        id_ = await conversation_id(manager(chat))
        refused = await put(applicant(chat), id_, PDF + EICAR.encode())
        assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (422, "file-infected")
        assert (kept(chat), await states(chat)) == ([], [])
        await uploaded(applicant(chat), id_)
