"""The QR code of a ticket: what it carries is the ticket's own code, which nobody guesses (A16)."""

import io

import segno

from ..lodging.domain import Lodging

CONTENT_TYPE = "image/svg+xml"


def qr_svg(ticket: Lodging) -> bytes:
    """As SVG, at error correction level M (ISO/IEC 18004)."""
    written = io.BytesIO()
    segno.make(ticket.code, error="m", micro=False).save(written, kind="svg", scale=4, xmldecl=False)
    return written.getvalue()
