"""Settings of a service that has files."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from ..settings import ServiceSettings
from .http import Files
from .rules import DEFAULT_TYPES, ENDINGS, MEBIBYTE, MOST_FILE_BYTES, FileRules
from .scanning import Clamd
from .storage import Bucket, storage_of


def _known(media_type: str) -> str:
    if media_type not in ENDINGS:
        raise ValueError(f"cannot be told from content; known: {', '.join(sorted(ENDINGS))}")
    return media_type


class FileSettings(ServiceSettings):
    files_folder: Path = Field(
        default=Path("files"), description="where attached files are; the same for all processes"
    )
    files_s3_bucket: str | None = Field(default=None, description="a bucket of any S3 instead of the folder")
    files_s3_endpoint: str | None = Field(default=None, description="address of an S3 that is not Amazon's")
    files_s3_region: str | None = None
    files_s3_access_key: str | None = None
    files_s3_secret_key: SecretStr | None = None
    file_bytes: int = Field(
        default=20 * MEBIBYTE, ge=1, le=MOST_FILE_BYTES, description="of one attached file, at most"
    )
    file_types: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(
        default=DEFAULT_TYPES, description="media types that may be attached"
    )
    file_upload_seconds: int = Field(default=600, ge=1, description="how long one upload may take")
    file_uploads: int = Field(default=8, ge=1, description="uploads at once in a process; each takes up to 6 MiB")
    file_scanner: str | None = Field(
        default=None, description="clamd://host:3310 looks through every file before it is kept; none: nobody does"
    )
    file_scan_seconds: float = Field(default=60, gt=0, description="for one file")
    file_sweep_seconds: float = Field(default=30, gt=0, description="between two looks for files to delete")

    def files(self, *, most_files: int) -> Files:
        """What a process needs to take files in, give them out and delete them.

        Args:
            most_files: of one thing that they are attached to.
        """
        bucket = None
        if self.files_s3_bucket is not None:
            secret = None if self.files_s3_secret_key is None else self.files_s3_secret_key.get_secret_value()
            bucket = Bucket(
                self.files_s3_bucket, self.files_s3_endpoint, self.files_s3_region, self.files_s3_access_key, secret
            )
        rules = FileRules(
            most_bytes=self.file_bytes,
            most_files=most_files,
            types=self.file_types,
            upload_time=timedelta(seconds=self.file_upload_seconds),
            # As much again and more, for the two transactions around it.
            lease=timedelta(seconds=2 * self.file_upload_seconds + 60),
        )
        scanner = None if self.file_scanner is None else Clamd(self.file_scanner, seconds=self.file_scan_seconds)
        return Files(rules, storage_of(self.files_folder, bucket), asyncio.Semaphore(self.file_uploads), scanner)
