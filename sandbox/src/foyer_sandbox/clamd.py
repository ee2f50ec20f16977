"""A scanner that speaks ClamAV's protocol (clamd(8), INSTREAM) and knows one virus: EICAR's test file
(https://www.eicar.org/download-anti-malware-testfile/)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: As `StreamMaxLength` of clamd.conf, which is 100 MB there.
MOST_BYTES = 25 * 1024 * 1024
# In two halves, so that no scanner takes this file for one.
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@asynccontextmanager
async def clamd() -> AsyncIterator[str]:
    """One on a free port of loopback, for the length of a block; its address."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    async with server:
        yield f"clamd://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        answer = await _answer(reader)
        writer.write(answer.encode() + b"\0")
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> str:
    command = await reader.readuntil(b"\0")
    if command != b"zINSTREAM\0":
        return "UNKNOWN COMMAND"
    content = bytearray()
    while length := int.from_bytes(await reader.readexactly(4)):
        content += await reader.readexactly(length)
        if len(content) > MOST_BYTES:
            return "INSTREAM size limit exceeded. ERROR"
    return "stream: Eicar-Test-Signature FOUND" if EICAR.encode() in content else "stream: OK"
