"""Files over HTTP: the body of an upload, and a download that a browser keeps and never runs."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.requests import ClientDisconnect

from ..errors import UnavailableError
from .rules import TEXTS, FileRules, FileTooLargeError, UploadInterruptedError
from .scanning import Clamd
from .storage import Storage

#: Whatever a file is, a browser keeps it and runs nothing of it, in no page of ours.
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "private, no-store",
}
#: How a route that takes a file describes its body (OpenAPI).
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        "description": "the file itself, not a form",
    }
}
#: How a route that gives one out describes its answer.
DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
}


@dataclass
class Files:
    """What a process handles files with; `app.state.files`.

    Attributes:
        uploads: as many at once as memory is for.
    """

    rules: FileRules
    storage: Storage
    uploads: asyncio.Semaphore
    scanner: Clamd | None = None

    @asynccontextmanager
    async def upload(self, request: Request, content_length: int | None) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of an upload, piece by piece.

        Raises:
            FileTooLargeError, UploadInterruptedError, UnavailableError: there are too many at once.
        """
        if content_length is not None and content_length > self.rules.most_bytes:
            raise FileTooLargeError(limit_bytes=self.rules.most_bytes)
        if self.uploads.locked():
            raise UnavailableError(retry_after_seconds=2)
        async with self.uploads:
            yield _body(request)


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise UploadInterruptedError from None


def download_headers(*, name: str, media_type: str, size_bytes: int, sha256: bytes) -> dict[str, str]:
    charset = "; charset=utf-8" if media_type in TEXTS else ""
    # RFC 6266: the second form is for every browser of today, the first for what knows no other.
    plain = "".join(sign if sign.isascii() and sign not in '"\\%' else "_" for sign in name)
    return {
        **SAFE_HEADERS,
        "Content-Type": media_type + charset,
        "Content-Length": str(size_bytes),
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Repr-Digest": f"sha-256=:{base64.b64encode(sha256).decode()}:",
    }
