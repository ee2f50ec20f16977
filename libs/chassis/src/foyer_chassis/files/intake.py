"""Taking a file in. Where its row is and what becomes of it, the service says: a row before the content, `take_in`, and
the row made whole; no transaction is open while content travels."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from .content import Content
from .rules import FileRules, UploadInterruptedError
from .scanning import Clamd
from .storage import Storage


async def take_in(
    storage: Storage,
    scanner: Clamd | None,
    key: str,
    chunks: AsyncIterator[bytes],
    *,
    media_type: str,
    rules: FileRules,
) -> Content:
    """Keep a file under `key`, and know its size and digest. After an error the caller deletes what may be there.

    Raises:
        FileTypeMismatchError, FileTooLargeError, EmptyFileError, FileInfectedError, UploadInterruptedError,
        StorageUnavailableError.
    """
    content = Content(chunks, media_type, rules)
    try:
        async with asyncio.timeout(rules.upload_time / timedelta(seconds=1)):
            await content.begin()
            await storage.put(key, content)
            if scanner is not None:
                await scanner.scan(await storage.read(key))
    except TimeoutError:
        raise UploadInterruptedError from None
    return content
