"""Files of an order, for staff alone (B9)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from foyer_chassis.auth import CurrentCaller, requires
from foyer_chassis.db import Database
from foyer_chassis.files.http import DOWNLOAD, UPLOAD, Files, download_headers
from foyer_chassis.files.rules import MOST_FILE_BYTES, media_type_of
from foyer_chassis.http import InTransaction, Reading
from pydantic import BaseModel, Field

from ..ordering.routes.cards import OrderNumber
from . import use_cases
from .domain import File

router = APIRouter(prefix="/v1", tags=["files"])

# Applicants come as far as to be told whether there is such an order of theirs, and that its files are not for them.
_READ = requires("orders:read_own", "orders:read_all", "orders:read_assigned")
_EDIT = requires("orders:edit", "orders:read_own", "orders:read_all")


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
    openapi_extra=UPLOAD,
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
    database: Database = request.app.state.database
    async with files.upload(request, content_length) as body:
        file, new = await use_cases.attach(
            database,
            files.storage,
            caller,
            number,
            body,
            name=name,
            media_type=media_type_of(content_type),
            rules=files.rules,
            scanner=files.scanner,
        )
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/orders/{number}/files/{file.id}"
    return FileOut.of(file)


@router.get(
    "/orders/{number}/files/{file_id}",
    dependencies=[_READ],
    response_class=StreamingResponse,
    responses=DOWNLOAD,
)
async def download_file(number: OrderNumber, file_id: UUID, request: Request, caller: CurrentCaller) -> Response:
    """The file, to be kept by the browser and never shown in a page."""
    database: Database = request.app.state.database
    # Not as a dependency: a connection must not wait for the last byte of a slow download.
    async with database.read() as reading:
        file = await use_cases.file_of(reading, caller, number, file_id)
    content = await use_cases.pieces(_files(request).storage, file)
    assert file.size_bytes is not None
    assert file.sha256 is not None
    headers = download_headers(
        name=file.name, media_type=file.media_type, size_bytes=file.size_bytes, sha256=file.sha256
    )
    return StreamingResponse(content, headers=headers)


@router.delete("/orders/{number}/files/{file_id}", status_code=204, dependencies=[_EDIT])
async def remove_file(number: OrderNumber, file_id: UUID, transaction: InTransaction, caller: CurrentCaller) -> None:
    """Take a file off. The last one of work that needs one stays once the work was handed in."""
    await use_cases.remove(transaction, caller, number, file_id)
