"""Where the content of files is kept: a folder of this machine, or any S3."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Storage(Protocol):
    """Where the content of files is. Each call stands alone and may be repeated.

    Raises:
        StorageUnavailableError: it cannot be reached, or what was asked for is not there.
    """

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        """Keep what comes; it is there whole, or not at all. What `chunks` raises goes on to the caller."""

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The content, piece by piece."""

    async def delete(self, key: str) -> None:
        """Nothing of it is left, nor of an upload that never ended; also if there was nothing."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of an S3. Without keys, what the environment, a profile or the machine's own role give."""

    name: str
    endpoint_url: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None


def storage_of(folder: Path, bucket: Bucket | None) -> Storage:
    """The bucket if there is one, else the folder."""
    if bucket is None:
        from .folder import FolderStorage

        return FolderStorage(folder)
    # Here, because without a bucket no process should carry it in memory.
    from .s3 import S3Storage

    return S3Storage(
        bucket.name,
        endpoint_url=bucket.endpoint_url,
        region=bucket.region,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
    )
