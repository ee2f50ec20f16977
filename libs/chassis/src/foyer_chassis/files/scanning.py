"""A scanner for viruses: any that speaks the protocol of ClamAV's daemon (https://docs.clamav.net/manual/Usage/Scanning.html,
clamd(8), INSTREAM)."""

import asyncio
import re
from collections.abc import AsyncIterable
from urllib.parse import urlsplit

from .. import log
from ..errors import InvalidError
from .rules import StorageUnavailableError

DEFAULT_PORT = 3310
MOST_ANSWER_BYTES = 4096
_FOUND = re.compile(r"stream: (?P<name>.+) FOUND")

_logger = log.get(__name__)


class FileInfectedError(InvalidError):
    """The file has a virus, and is not kept."""

    title_en = "The file has a virus"
    title_ru = "В файле обнаружен вирус"


class Clamd:
    """A daemon at `clamd://host[:port]`. A file that it cannot look through now is not taken.

    Args:
        seconds: for one file.
    """

    def __init__(self, url: str, *, seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme != "clamd" or not parts.hostname:
            raise ValueError("a scanner is clamd://host or clamd://host:port")
        self._host, self._port, self._seconds = parts.hostname, parts.port or DEFAULT_PORT, seconds

    async def scan(self, chunks: AsyncIterable[bytes]) -> None:
        """Raises FileInfectedError; StorageUnavailableError: there is no answer, or none that says it is clean."""
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._ask(chunks)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _logger.error("scanner_failed", error=type(error).__name__)
            raise StorageUnavailableError(retry_after_seconds=30) from error
        if (found := _FOUND.fullmatch(answer)) is not None:
            _logger.warning("file_infected", signature=found["name"])
            raise FileInfectedError
        if answer != "stream: OK":
            _logger.error("scanner_refused", answer=answer[:200])
            raise StorageUnavailableError(retry_after_seconds=30)

    async def _ask(self, chunks: AsyncIterable[bytes]) -> str:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=MOST_ANSWER_BYTES)
        try:
            writer.write(b"zINSTREAM\0")
            async for chunk in chunks:
                writer.write(len(chunk).to_bytes(4) + chunk)
                await writer.drain()
            writer.write((0).to_bytes(4))
            await writer.drain()
            return (await reader.readuntil(b"\0"))[:-1].decode(errors="replace").strip()
        finally:
            writer.close()
