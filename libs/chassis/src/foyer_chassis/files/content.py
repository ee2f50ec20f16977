"""A file on its way in: counted, hashed, and known by its content."""

import codecs
import hashlib
from collections.abc import AsyncIterator

import filetype  # type: ignore[import-untyped]

from .rules import (
    TEXTS,
    EmptyFileError,
    FileRules,
    FileTooLargeError,
    FileTypeMismatchError,
    check_content,
)

#: As much of a file as its signature may be in.
HEAD_BYTES = 8192


class Content:
    """A file on its way to the storage: counted, hashed, and its type compared with what was declared."""

    def __init__(self, chunks: AsyncIterator[bytes], declared: str, rules: FileRules) -> None:
        self._chunks = chunks
        self._declared = declared
        self._most = rules.most_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")() if declared in TEXTS else None
        self._hash = hashlib.sha256()
        self._head = b""
        self.size_bytes = 0

    @property
    def digest(self) -> bytes:
        return self._hash.digest()

    async def begin(self) -> None:
        """Look at its beginning.

        Raises:
            EmptyFileError, FileTypeMismatchError, FileTooLargeError.
        """
        while len(self._head) < HEAD_BYTES:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                break
            self._head += self._seen(chunk)
        if not self._head:
            raise EmptyFileError
        kind = filetype.guess(self._head)
        check_content(self._declared, None if kind is None else kind.mime)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """All of it, once. Raises FileTooLargeError, FileTypeMismatchError."""
        head, self._head = self._head, b""
        yield head
        async for chunk in self._chunks:
            if chunk:
                yield self._seen(chunk)
        self._check_text(b"", final=True)

    def _seen(self, chunk: bytes) -> bytes:
        self.size_bytes += len(chunk)
        if self.size_bytes > self._most:
            raise FileTooLargeError(limit_bytes=self._most)
        self._hash.update(chunk)
        self._check_text(chunk)
        return chunk

    def _check_text(self, chunk: bytes, *, final: bool = False) -> None:
        if self._decoder is None:
            return
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            raise FileTypeMismatchError(declared=self._declared, content="not UTF-8") from None
        if "\0" in text:
            raise FileTypeMismatchError(declared=self._declared, content="binary")
