"""Small pictures of pictures, made anew from their pixels: nothing else of the original is in them.

A service that makes them depends on `pillow`.
"""

import asyncio
import io
from collections.abc import AsyncIterator

from PIL import Image, ImageOps

from .. import log
from .storage import Storage

PICTURE_TYPE = "image/jpeg"
#: Longest side in pixels.
SIDE = 480
QUALITY = 80
#: Of an original, as far as it must be decoded: 64 MiB in memory.
MOST_PIXELS = 16_000_000
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}

_logger = log.get(__name__)


class Pictures:
    """Makes one at a time, beside the event loop; so that memory is for one."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def make(self, storage: Storage, key: str, picture_key: str, *, media_type: str) -> bool:
        """A picture of `key` under `picture_key`. False: it is none, or none that can be decoded.

        Raises:
            StorageUnavailableError.
        """
        if media_type not in _FORMATS:
            return False
        async with self._turn:
            content = b"".join([piece async for piece in await storage.read(key)])
            small = await asyncio.to_thread(_small, content, _FORMATS[media_type])
        if small is None:
            return False

        async def once() -> AsyncIterator[bytes]:
            yield small

        await storage.put(picture_key, once())
        return True


def _small(content: bytes, format_: str) -> bytes | None:
    try:
        with Image.open(io.BytesIO(content), formats=[format_]) as image:
            # A JPEG is decoded no larger than is needed.
            image.draft("RGB", (SIDE, SIDE))
            if image.width * image.height > MOST_PIXELS:
                return None
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((SIDE, SIDE))
            flat = Image.new("RGB", upright.size, "white")
            flat.paste(upright.convert("RGBA"), mask=upright.convert("RGBA").getchannel("A"))
            out = io.BytesIO()
            flat.save(out, "JPEG", quality=QUALITY)
            return out.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        # What Pillow says of broken files may repeat them.
        _logger.info("picture_not_made", error=type(error).__name__)
        return None
