"""Files of an order, for staff alone (B9)."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Database
from foyer_chassis.errors import UnavailableError
from foyer_chassis.http import InTransaction, Reading
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from ..ordering.routes.cards import OrderNumber
from . import use_cases
from .domain import (
    MOST_FILE_BYTES,
    TEXTS,
    File,
    FileRules,
    FileTooLargeError,
    Storage,
    UploadInterruptedError,
    media_type_of,
)

router = APIRouter(prefix="/v1", tags=["files"])

# Applicants come as far as to be told whether there is such an order of theirs, and that its files are not for them.
_READ = requires("orders:read_own", "orders:read_all", "orders:read_assigned")
_EDIT = requires("orders:edit", "orders:read_own", "orders:read_all")

#: Whatever a file is, a browser keeps it and runs nothing of it, in no page of ours.
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "private, no-store",
}


@dataclass
class Files:
    """What this process handles files with; `app.state.files`.

    Attributes:
        uploads: as many at once as memory is for.
    """

    rules: FileRules
    storage: Storage
    uploads: asyncio.Semaphore


class FileOut(BaseModel):
    id: UUID
    name: str
    media_type: str
    size_bytes: int
    sha256: str = Field(description="of the content, in hexadecimal digits")
    author_id: UUID
    author_name: str
    created_at: datetime

    @classmethod
    def of(cls, file: File) -> "FileOut":
        assert file.size_bytes is not None
        assert file.sha256 is not None
        return cls(
            id=file.id,
            name=file.name,
            media_type=file.media_type,
            size_bytes=file.size_bytes,
            sha256=file.sha256.hex(),
            author_id=file.author_id,
            author_name=file.author_name,
            created_at=file.created_at,
        )


class FileList(BaseModel):
    items: list[FileOut] = Field(description="the oldest first")
    most_files: int
    most_bytes: int = Field(description="of one file")
    media_types: list[str] = Field(description="which are taken")


def _files(request: Request) -> Files:
    files: Files = request.app.state.files
    return files


@router.get("/orders/{number}/files", dependencies=[_READ])
async def list_files(number: OrderNumber, request: Request, reading: Reading, caller: CurrentCaller) -> FileList:
    """What staff attached, and what more they may attach."""
    rules = _files(request).rules
    found = await use_cases.files_of(reading, caller, number, rules=rules)
    return FileList(
        items=[FileOut.of(file) for file in found],
        most_files=rules.most_files,
        most_bytes=rules.most_bytes,
        media_types=sorted(rules.types),
    )


@router.post(
    "/orders/{number}/files",
    status_code=201,
    response_model=FileOut,
    responses={200: {"model": FileOut, "description": "The order has this file already"}},
    dependencies=[_EDIT],
    max_body_size=MOST_FILE_BYTES,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
            "description": "the file itself, not a form",
        }
    },
)
async def attach_file(
    number: OrderNumber,
    request: Request,
    caller: CurrentCaller,
    response: Response,
    name: Annotated[str, Query(min_length=1, max_length=1000, description="as it is called where it comes from")],
    content_type: Annotated[str | None, Header(description="what the file is")] = None,
    content_length: Annotated[int | None, Header(ge=0)] = None,
) -> FileOut:
    """Attach the body of the request as a file. Its content must be what Content-Type says.

    It needs no Idempotency-Key: the same content under the same name is the same file, however often it is sent.
    """
    files = _files(request)
    if content_length is not None and content_length > files.rules.most_bytes:
        raise FileTooLargeError(limit_bytes=files.rules.most_bytes)
    if files.uploads.locked():
        raise UnavailableError(retry_after_seconds=2)
    database: Database = request.app.state.database
    async with files.uploads:
        file, new = await use_cases.attach(
            database,
            files.storage,
            caller,
            number,
            _body(request),
            name=name,
            media_type=media_type_of(content_type),
            rules=files.rules,
        )
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/orders/{number}/files/{file.id}"
    return FileOut.of(file)


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise UploadInterruptedError from None


@router.get(
    "/orders/{number}/files/{file_id}",
    dependencies=[_READ],
    response_class=StreamingResponse,
    responses={200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def download_file(number: OrderNumber, file_id: UUID, request: Request, caller: CurrentCaller) -> Response:
    """The file, to be kept by the browser and never shown in a page."""
    database: Database = request.app.state.database
    # Not as a dependency: a connection must not wait for the last byte of a slow download.
    async with database.read() as reading:
        file = await use_cases.file_of(reading, caller, number, file_id)
    content = await use_cases.pieces(_files(request).storage, file)
    return StreamingResponse(content, headers=_headers(file))


def _headers(file: File) -> dict[str, str]:
    assert file.sha256 is not None
    charset = "; charset=utf-8" if file.media_type in TEXTS else ""
    # RFC 6266: the second form is for every browser of today, the first for what knows no other.
    plain = "".join(sign if sign.isascii() and sign not in '"\\%' else "_" for sign in file.name)
    return {
        **SAFE_HEADERS,
        "Content-Type": file.media_type + charset,
        "Content-Length": str(file.size_bytes),
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name, safe='')}",
        "Repr-Digest": f"sha-256=:{base64.b64encode(file.sha256).decode()}:",
    }


@router.delete("/orders/{number}/files/{file_id}", status_code=204, dependencies=[_EDIT])
async def remove_file(number: OrderNumber, file_id: UUID, transaction: InTransaction, caller: CurrentCaller) -> None:
    """Take a file off. The last one of work that needs one stays once the work was handed in."""
    await use_cases.remove(transaction, caller, number, file_id)
