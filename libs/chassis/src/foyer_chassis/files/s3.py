"""Files in a bucket of any S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/); imported only where one is used."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
from aiobotocore.session import get_session  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError  # type: ignore[import-untyped]

from .. import log
from .rules import StorageUnavailableError

#: The least that a part of a multipart upload may have, but for the last; what one upload holds in memory.
PART_BYTES = 5 * 1024 * 1024
CHUNK_BYTES = 64 * 1024

_logger = log.get(__name__)


class S3Storage:
    """An object appears when its upload is completed, whole; a part of one is never seen."""

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None,
        region: str | None,
        access_key: str | None,
        secret_key: str | None,
    ) -> None:
        self._bucket = bucket
        self._options = {
            "endpoint_url": endpoint_url,
            "region_name": region,
            "aws_access_key_id": access_key,
            "aws_secret_access_key": secret_key,
        }
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def _s3(self) -> Any:
        async with self._lock:
            if self._client is None:
                config = AioConfig(
                    connect_timeout=5,
                    read_timeout=30,
                    retries={"max_attempts": 3, "mode": "standard"},
                    # Many an S3 that is not Amazon's knows no checksums but the digest of the signature.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                )
                made = get_session().create_client("s3", config=config, **self._options)
                self._client = await self._stack.enter_async_context(made)
            return self._client

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        parts = _in_parts(chunks)
        first = await anext(parts, b"")
        second = await anext(parts, None)
        with _told():
            s3 = await self._s3()
            if second is None:
                await s3.put_object(Bucket=self._bucket, Key=key, Body=first)
                return
            upload = (await s3.create_multipart_upload(Bucket=self._bucket, Key=key))["UploadId"]
        try:
            await self._upload(key, upload, first, second, parts)
        except BaseException:
            await asyncio.shield(self._abort(key, upload))
            raise

    async def _upload(self, key: str, upload: str, first: bytes, second: bytes, rest: AsyncIterator[bytes]) -> None:
        s3 = await self._s3()
        done: list[dict[str, Any]] = []

        async def send(part: bytes) -> None:
            number = len(done) + 1
            with _told():
                answer = await s3.upload_part(
                    Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=part
                )
            done.append({"PartNumber": number, "ETag": answer["ETag"]})

        await send(first)
        await send(second)
        async for part in rest:
            await send(part)
        with _told():
            await s3.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": done}
            )

    async def _abort(self, key: str, upload: str) -> None:
        try:
            s3 = await self._s3()
            await s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)
        except (BotoCoreError, ClientError, HTTPClientError) as error:
            # `delete` does it once more.
            _logger.warning("upload_not_aborted", error=type(error).__name__)

    async def read(self, key: str) -> AsyncIterator[bytes]:
        with _told():
            s3 = await self._s3()
            answer = await s3.get_object(Bucket=self._bucket, Key=key)
        return _pieces(answer["Body"])

    async def delete(self, key: str) -> None:
        with _told():
            s3 = await self._s3()
            await s3.delete_object(Bucket=self._bucket, Key=key)
            # Whoever died in the middle of an upload left parts that are seen by nobody and paid for all the same.
            found = await s3.list_multipart_uploads(Bucket=self._bucket, Prefix=key)
            for upload in found.get("Uploads", ()):
                if upload["Key"] == key:
                    await s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload["UploadId"])

    async def close(self) -> None:
        await self._stack.aclose()
        self._client = None


async def _in_parts(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        while len(buffer) >= PART_BYTES:
            yield bytes(buffer[:PART_BYTES])
            del buffer[:PART_BYTES]
    if buffer:
        yield bytes(buffer)


async def _pieces(body: Any) -> AsyncIterator[bytes]:
    async with body as stream:
        while chunk := await stream.read(CHUNK_BYTES):
            yield chunk


@contextmanager
def _told() -> Any:
    try:
        yield
    except (BotoCoreError, ClientError, HTTPClientError) as error:
        code = error.response["Error"].get("Code") if isinstance(error, ClientError) else None
        _logger.error("files_bucket_failed", error=type(error).__name__, code=code)
        raise StorageUnavailableError(retry_after_seconds=5) from error
