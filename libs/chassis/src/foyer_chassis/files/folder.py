"""Files in a folder. API and worker must see the same one."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import IO

from .. import log
from .rules import StorageUnavailableError

CHUNK_BYTES = 64 * 1024
_PART = ".part"

_logger = log.get(__name__)


class FolderStorage:
    """A file appears under its name when it is whole and on the disk; until then it is `<key>.part`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def _path(self, key: str) -> Path:
        path = (self._folder / key).resolve()
        # Keys are made of ids; whatever else comes here must not lead out.
        if not path.is_relative_to(self._folder.resolve()) or path == self._folder.resolve():
            raise ValueError(f"{key!r} is outside of the folder of files")
        return path

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        path = self._path(key)
        part = path.with_name(path.name + _PART)
        try:
            file = await asyncio.to_thread(_create, part)
        except OSError as error:
            raise _unavailable(error) from error
        try:
            async for chunk in chunks:
                await _write(file, chunk)
            await asyncio.to_thread(_finish, file, part, path)
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise

    async def read(self, key: str) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
        except OSError as error:
            raise _unavailable(error) from error
        return _pieces(file)

    async def delete(self, key: str) -> None:
        try:
            await asyncio.to_thread(self._delete, self._path(key))
        except OSError as error:
            raise _unavailable(error) from error

    def _delete(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        path.with_name(path.name + _PART).unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self._folder.resolve():
                break
            try:
                folder.rmdir()
            except OSError:
                # Other files are in it, or it is gone.
                break

    async def close(self) -> None:
        return None


def _create(part: Path) -> IO[bytes]:
    # Somebody may remove the empty folder between the two steps; then once more.
    for _ in range(3):
        part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        except FileNotFoundError:
            continue
    raise FileNotFoundError(part)


async def _write(file: IO[bytes], chunk: bytes) -> None:
    try:
        await asyncio.to_thread(file.write, chunk)
    except OSError as error:
        raise _unavailable(error) from error


def _finish(file: IO[bytes], part: Path, path: Path) -> None:
    try:
        file.flush()
        os.fsync(file.fileno())
        file.close()
        part.replace(path)
        # The name is on the disk only when its folder is.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unavailable(error) from error


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


def _unavailable(error: OSError) -> StorageUnavailableError:
    # The disk's own words name paths; they are for the log alone.
    _logger.error("files_folder_failed", error=f"{type(error).__name__}: {error.strerror}")
    return StorageUnavailableError(retry_after_seconds=5)
