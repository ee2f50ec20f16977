"""Attached files in a real S3 server (B9): moto's, which speaks the protocol over HTTP. What holds for both kinds of
storage is tested on both."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiobotocore.session import get_session  # type: ignore[import-untyped]
from foyer_chassis.files.folder import FolderStorage
from foyer_chassis.files.rules import StorageUnavailableError
from foyer_chassis.files.s3 import PART_BYTES
from foyer_chassis.files.storage import Bucket, Storage, storage_of
from foyer_chassis.testing import Databases, Identity, running
from moto.server import ThreadedMotoServer
from orders.service import SERVICE

from .cabinet import PDF, Cabinet
from .conftest import NOW, Desk

pytestmark = pytest.mark.feature("B9")

ACCESS = {"region": "eu-central-1", "access_key": "test", "secret_key": "test"}
CLIENT = {"region_name": "eu-central-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
KINDS = ["folder", "s3"]


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@asynccontextmanager
async def client(s3_url: str) -> AsyncIterator[Any]:
    async with get_session().create_client("s3", endpoint_url=s3_url, **CLIENT) as made:
        yield made


@pytest.fixture
async def bucket(s3_url: str) -> str:
    name = f"files-{uuid4().hex}"
    async with client(s3_url) as s3:
        await s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": ACCESS["region"]})
    return name


@pytest.fixture
async def storages(s3_url: str, bucket: str, tmp_path: Path) -> AsyncIterator[dict[str, Storage]]:
    made = {
        "folder": storage_of(tmp_path, None),
        "s3": storage_of(tmp_path, Bucket(bucket, s3_url, **ACCESS)),
    }
    assert isinstance(made["folder"], FolderStorage)
    yield made
    for storage in made.values():
        await storage.close()


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def whole(storage: Storage, key: str) -> bytes:
    return b"".join([chunk async for chunk in await storage.read(key)])


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_put_is_read_again_and_deleted(storages: dict[str, Storage], kind: str) -> None:
    storage = storages[kind]
    await storage.put("orders/1/a", pieces(b"one ", b"", b"two"))
    assert await whole(storage, "orders/1/a") == b"one two"
    await storage.put("orders/1/a", pieces(b"again"))
    await storage.put("orders/1/ab", pieces(b"a neighbour"))
    assert await whole(storage, "orders/1/a") == b"again"
    for _ in range(2):
        await storage.delete("orders/1/a")
        with pytest.raises(StorageUnavailableError):
            await storage.read("orders/1/a")
    assert await whole(storage, "orders/1/ab") == b"a neighbour"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_large_one_goes_in_parts(storages: dict[str, Storage], kind: str) -> None:
    storage = storages[kind]
    chunk = bytes(range(256)) * 256
    count = 2 * PART_BYTES // len(chunk) + 3
    await storage.put("orders/1/large", pieces(*[chunk] * count))
    digest = hashlib.sha256()
    largest = 0
    async for piece in await storage.read("orders/1/large"):
        digest.update(piece)
        largest = max(largest, len(piece))
    assert digest.digest() == hashlib.sha256(chunk * count).digest()
    assert largest <= 64 * 1024


class BrokenOffError(Exception):
    pass


async def broken_off(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(64 * 1024)
    raise BrokenOffError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2 * PART_BYTES // (64 * 1024) + 1])
async def test_one_that_breaks_off_is_never_there(storages: dict[str, Storage], kind: str, count: int) -> None:
    storage = storages[kind]
    with pytest.raises(BrokenOffError):
        await storage.put("orders/1/half", broken_off(count))
    with pytest.raises(StorageUnavailableError):
        await storage.read("orders/1/half")


async def test_an_upload_in_parts_that_nobody_ended_is_swept_with_its_key(
    storages: dict[str, Storage], s3_url: str, bucket: str
) -> None:
    async with client(s3_url) as s3:
        for key in ("orders/1/dead", "orders/1/deadly"):
            upload = (await s3.create_multipart_upload(Bucket=bucket, Key=key))["UploadId"]
            await s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=bytes(PART_BYTES))
        await storages["s3"].delete("orders/1/dead")
        left = await s3.list_multipart_uploads(Bucket=bucket)
        assert [item["Key"] for item in left["Uploads"]] == ["orders/1/deadly"]


@pytest.mark.parametrize("key", ["../a", "/etc/passwd", "orders/../../a", "."])
async def test_a_folder_gives_out_nothing_that_is_not_in_it(storages: dict[str, Storage], key: str) -> None:
    for call in (storages["folder"].read(key), storages["folder"].delete(key)):
        with pytest.raises(ValueError, match="outside"):
            await call


async def test_an_s3_that_is_away_is_told_without_its_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = storage_of(tmp_path, Bucket("b", "http://127.0.0.1:9", "eu-central-1", "AKIAKEY", "VERYSECRET"))
    try:
        with pytest.raises(StorageUnavailableError) as caught:
            await storage.put("k", pieces(b"x"))
    finally:
        await storage.close()
    said = capsys.readouterr()
    assert "VERYSECRET" not in f"{caught.value}{said.out}{said.err}"
    assert "AKIAKEY" not in f"{caught.value}{said.out}{said.err}"


async def test_the_api_on_a_bucket(
    databases: Databases, identity: Identity, s3_url: str, bucket: str, tmp_path: Path
) -> None:
    settings = {
        "files_folder": tmp_path,
        "files_s3_bucket": bucket,
        "files_s3_endpoint": s3_url,
        "files_s3_region": ACCESS["region"],
        "files_s3_access_key": ACCESS["access_key"],
        "files_s3_secret_key": ACCESS["secret_key"],
    }
    async with running(SERVICE, databases, identity, **settings) as service, client(s3_url) as s3:
        service.at(NOW)
        assert "'test'" not in repr(service.settings.model_dump(include={"files_s3_secret_key"}))
        cabinet = Cabinet(Desk(service))
        order = await cabinet.desk.place(await cabinet.desk.offering(terms="free"))
        content = PDF + bytes(PART_BYTES + 1000)
        file = await cabinet.attached(order, content)
        answer = await cabinet.get(order, file)
        assert answer.content == content
        assert answer.headers["content-disposition"].startswith("attachment")
        listed = await s3.list_objects_v2(Bucket=bucket)
        assert [item["Key"] for item in listed["Contents"]] == [f"orders/{order['id']}/{file['id']}"]
        assert (await cabinet.attach(order, content + bytes(20 * 1024 * 1024))).status_code == 413
        assert (await cabinet.remove(order, file)).status_code == 204
        await service.turn("order_files")
        assert (await s3.list_objects_v2(Bucket=bucket))["KeyCount"] == 0
        # The worker's client is its own; the test closes it where a process would.
    assert list(tmp_path.iterdir()) == []
