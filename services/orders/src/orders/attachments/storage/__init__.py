"""Where the content of files is kept: a folder of this machine, or any S3."""

from dataclasses import dataclass
from pathlib import Path

from ..domain import Storage
from .folder import FolderStorage


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


__all__ = ["Bucket", "FolderStorage", "storage_of"]
