"""Mail in: an SMTP server on the process's own event loop, so that a mail is kept before it is answered 250."""

import asyncio
import logging
import time
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from foyer_sandbox.mailbox.store import Store
from foyer_sandbox.mailbox.switches import MailboxSwitches
from foyer_sandbox.switches import SwitchBoard

MAX_MAIL_BYTES = 10 * 1024 * 1024
MAX_RECIPIENTS = 100

log = logging.getLogger("foyer_sandbox.mailbox")


class _Handler:
    """What aiosmtpd calls for each recipient and each mail."""

    def __init__(self, store: Store, board: SwitchBoard[MailboxSwitches]) -> None:
        self._store = store
        self._board = board

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = self._refusal("rcpt", [address])
        if refusal:
            return refusal
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self._board.now.answer_delay_seconds)
        refusal = self._refusal("data", envelope.rcpt_tos)
        if refusal:
            return refusal
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        mail_id = self._store.add(envelope.mail_from or "", envelope.rcpt_tos, raw, time.time())
        for lost in self._board.now.lose_answer_next:
            if any(lost.to in address for address in envelope.rcpt_tos):
                self._board.use_up("lose_answer_next", lost)
                transport: Any = server.transport
                transport.abort()
                break
        return f"250 OK kept as {mail_id}"

    def _refusal(self, stage: str, addresses: list[str]) -> str | None:
        for fault in self._board.now.fail_next:
            if fault.stage == stage and any(fault.to in address for address in addresses):
                self._board.use_up("fail_next", fault)
                return f"{fault.code} Refused on request of a switch"
        return None


class SmtpServer:
    """The listening socket, which a switch can close and open."""

    def __init__(self, store: Store, board: SwitchBoard[MailboxSwitches], host: str, port: int) -> None:
        self._handler = _Handler(store, board)
        self._board = board
        self._host = host
        self._port = port
        self._listening: asyncio.Server | None = None
        self._open: set[SMTP] = set()

    async def follow_switch(self) -> None:
        """Listen, or not, as the switch `down` says; closing also drops the connections there are."""
        if self._board.now.down and self._listening:
            self._listening.close()
            for connection in list(self._open):
                transport: Any = connection.transport
                if transport is not None:
                    transport.abort()
            self._listening = None
            log.info("SMTP port closed")
        elif not self._board.now.down and not self._listening:
            loop = asyncio.get_running_loop()
            self._listening = await loop.create_server(self._protocol, self._host, self._port)
            log.info("SMTP on %s:%s", self._host, self._port)

    async def close(self) -> None:
        """Stop listening."""
        if self._listening:
            self._listening.close()

    def _protocol(self) -> SMTP:
        open_connections = self._open

        class Connection(SMTP):
            """Known while it lasts."""

            def connection_made(self, transport: Any) -> None:
                open_connections.add(self)
                super().connection_made(transport)

            def connection_lost(self, error: Exception | None) -> None:
                open_connections.discard(self)
                super().connection_lost(error)

        return Connection(
            self._handler,
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname="mailbox.sandbox",
            ident="Foyer sandbox",
        )
