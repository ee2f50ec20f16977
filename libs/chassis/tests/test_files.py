"""Looking files through for viruses. How they are taken in and kept, services that have files test through their APIs."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from foyer_chassis.files.rules import StorageUnavailableError
from foyer_chassis.files.scanning import Clamd, FileInfectedError
from foyer_sandbox.clamd import EICAR, MOST_BYTES, clamd


async def pieces(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def scan(content: bytes, *, size: int = 65_536) -> None:
    async with clamd() as url:
        await Clamd(url, seconds=10).scan(pieces(content, size))


async def test_what_is_clean_passes() -> None:
    await scan(b"An act of work done")
    await scan(bytes(1_000_000))


@pytest.mark.parametrize("size", [1, 7, 65_536])
async def test_a_virus_is_found_however_it_is_cut(size: int) -> None:
    with pytest.raises(FileInfectedError):
        await scan(b"%PDF-1.7\n" + EICAR.encode() + b"\n%%EOF", size=size)


async def test_what_the_scanner_does_not_look_through_is_not_taken() -> None:
    with pytest.raises(StorageUnavailableError):
        await scan(bytes(MOST_BYTES + 1))


async def test_no_scanner_no_file() -> None:
    async with clamd() as url:
        pass
    with pytest.raises(StorageUnavailableError):
        await Clamd(url, seconds=2).scan(pieces(b"x"))


async def test_a_scanner_that_hangs_is_not_waited_for() -> None:
    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        url = f"clamd://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(StorageUnavailableError):
            await Clamd(url, seconds=0.1).scan(pieces(b"x"))


@pytest.mark.parametrize("url", ["http://127.0.0.1", "clamd://", "127.0.0.1:3310"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="clamd://"):
        Clamd(url, seconds=1)
