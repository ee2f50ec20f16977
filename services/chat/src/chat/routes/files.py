"""Files of conversations: put into a thread, then sent with a message; read by whoever reads that thread."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from foyer_chassis.auth import CurrentCaller
from foyer_chassis.db import Database
from foyer_chassis.errors import NotFoundError
from foyer_chassis.files.http import DOWNLOAD, SAFE_HEADERS, UPLOAD, Files, download_headers
from foyer_chassis.files.pictures import PICTURE_TYPE, Pictures
from foyer_chassis.files.rules import MOST_FILE_BYTES, media_type_of
from foyer_chassis.http import InTransaction
from pydantic import BaseModel, Field

from ..domain.conversations import Thread
from ..use_cases import files as use_cases
from .conversations import OF_ANY, FileOut, file_out, person_of

router = APIRouter(prefix="/v1", tags=["files"])


class FileRulesOut(BaseModel):
    most_bytes: int = Field(description="of one file")
    media_types: list[str] = Field(description="which are taken")


def _files(request: Request) -> Files:
    files: Files = request.app.state.files
    return files


@router.get("/file-rules", dependencies=OF_ANY)
async def file_rules(request: Request) -> FileRulesOut:
    """What may be sent."""
    rules = _files(request).rules
    return FileRulesOut(most_bytes=rules.most_bytes, media_types=sorted(rules.types))


@router.post(
    "/conversations/{conversation_id}/files",
    status_code=201,
    dependencies=OF_ANY,
    max_body_size=MOST_FILE_BYTES,
    openapi_extra=UPLOAD,
)
async def upload_file(
    conversation_id: UUID,
    request: Request,
    caller: CurrentCaller,
    name: Annotated[str, Query(min_length=1, max_length=1000, description="as it is called where it comes from")],
    thread: Thread = Thread.PUBLIC,
    content_type: Annotated[str | None, Header(description="what the file is")] = None,
    content_length: Annotated[int | None, Header(ge=0)] = None,
) -> FileOut:
    """Take the body of the request in as a file; its content must be what Content-Type says. Send it with a message
    (`file_ids`) within a day, else it goes."""
    files = _files(request)
    database: Database = request.app.state.database
    pictures: Pictures = request.app.state.pictures
    async with files.upload(request, content_length) as body:
        file = await use_cases.upload(
            database,
            files.storage,
            pictures,
            person_of(caller),
            conversation_id,
            body,
            thread=thread,
            name=name,
            media_type=media_type_of(content_type),
            rules=files.rules,
            scanner=files.scanner,
        )
    return file_out(file.sent)


@router.get(
    "/conversations/{conversation_id}/files/{file_id}",
    dependencies=OF_ANY,
    response_class=StreamingResponse,
    responses=DOWNLOAD,
)
async def download_file(conversation_id: UUID, file_id: UUID, request: Request, caller: CurrentCaller) -> Response:
    """The file, to be kept by the browser and never shown in a page."""
    database: Database = request.app.state.database
    # Not as a dependency: a connection must not wait for the last byte of a slow download.
    async with database.read() as reading:
        file = await use_cases.seen(reading, conversation_id, file_id, person_of(caller))
    assert file.size_bytes is not None
    assert file.sha256 is not None
    content = await _files(request).storage.read(file.key)
    headers = download_headers(
        name=file.name, media_type=file.media_type, size_bytes=file.size_bytes, sha256=file.sha256
    )
    return StreamingResponse(content, headers=headers)


@router.get(
    "/conversations/{conversation_id}/files/{file_id}/picture",
    dependencies=OF_ANY,
    response_class=StreamingResponse,
    responses=DOWNLOAD,
)
async def picture_of_file(conversation_id: UUID, file_id: UUID, request: Request, caller: CurrentCaller) -> Response:
    """A small picture of a file that is one, made anew: nothing that the original says of place and camera is in it."""
    database: Database = request.app.state.database
    async with database.read() as reading:
        file = await use_cases.seen(reading, conversation_id, file_id, person_of(caller))
    if not file.picture:
        raise NotFoundError
    content = await _files(request).storage.read(file.picture_key)
    return StreamingResponse(content, headers={**SAFE_HEADERS, "Content-Type": PICTURE_TYPE})


@router.delete("/conversations/{conversation_id}/files/{file_id}", status_code=204, dependencies=OF_ANY)
async def remove_file(conversation_id: UUID, file_id: UUID, transaction: InTransaction, caller: CurrentCaller) -> None:
    """Give up a file that was not sent yet. What was sent goes with its message."""
    await use_cases.remove(transaction, conversation_id, file_id, person_of(caller))
