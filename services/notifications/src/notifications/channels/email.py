"""Email: a multipart message of text and HTML, handed to an SMTP server (RFC 5321, 5322, 8255).

The Message-ID is made of the delivery's id, so that a copy sent again after a lost answer is recognised as one.
"""

import asyncio
import contextlib
import re
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Literal
from uuid import UUID

import aiosmtplib
import mrml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..telling.domain.deliveries import NotNowError, RefusedError
from ..texts.domain import Message

TEMPLATES = Path(__file__).parents[1] / "templates"
_ENHANCED_CODE = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\b")
QUIT_SECONDS = 2
#: Headers that are encoded already are written as they are.
_POLICY = SMTP.clone(refold_source="none")
#: The server refuses us, not the mail: a person has to repair that, and the mail should go out afterwards.
_OUR_FAULT = frozenset({530, 534, 535, 538})


class SmtpMail:
    """An SMTP server that takes our mail, a connection for each."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        password: str,
        security: Literal["opportunistic", "starttls", "tls"],
        mail_from: str,
        timeout_seconds: float,
    ) -> None:
        name, mailbox = parseaddr(mail_from)
        if "@" not in mailbox:
            raise ValueError(f"mail_from names no mailbox: {mail_from!r}")
        self._sender = Address(name, addr_spec=mailbox)
        self._host, self._port = host, port
        self._username, self._password = username or None, password or None
        self._use_tls = security == "tls"
        self._start_tls = {"opportunistic": None, "starttls": True, "tls": False}[security]
        self._timeout_seconds = timeout_seconds
        self._leaving: dict[aiosmtplib.SMTP, asyncio.Task[None]] = {}
        self._html = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
        ).get_template("mail.mjml")

    async def send(self, message: Message, *, mailbox: str, delivery_id: UUID) -> None:
        composed = self.compose(message, mailbox=mailbox, delivery_id=delivery_id)
        server = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            use_tls=self._use_tls,
            start_tls=self._start_tls,
            # Without it the library asks DNS for this machine's name, for every mail.
            local_hostname=self._sender.domain,
            timeout=self._timeout_seconds,
        )
        try:
            await server.connect()
            await server.send_message(composed, sender=self._sender.addr_spec, recipients=[mailbox])
            self._take_leave(server)
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            raise _problem(refusal.recipients[0]) from None
        except aiosmtplib.SMTPResponseException as refusal:
            raise _problem(refusal) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotNowError(f"smtp: {type(error).__name__}") from None
        finally:
            if server not in self._leaving:
                server.close()

    def _take_leave(self, server: aiosmtplib.SMTP) -> None:
        """QUIT, for which nobody waits: once a mail is taken, what comes next is to write that down."""
        self._leaving[server] = asyncio.create_task(_quit(server))
        self._leaving[server].add_done_callback(lambda _: self._leaving.pop(server))

    async def close(self) -> None:
        await asyncio.gather(*self._leaving.values())

    def compose(self, message: Message, *, mailbox: str, delivery_id: UUID) -> EmailMessage:
        """The mail as it goes out."""
        mail = EmailMessage(policy=_POLICY)
        mail["Message-ID"] = f"<{delivery_id}@{self._sender.domain}>"
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["From"] = self._sender
        if message.addressee.isascii():
            mail["To"] = Address(message.addressee, addr_spec=mailbox)
        else:
            mail.set_raw("To", f"{_encoded('To', message.addressee)} <{mailbox}>")
        if message.title.isascii():
            mail["Subject"] = message.title
        else:
            mail.set_raw("Subject", _encoded("Subject", message.title))
        mail["Content-Language"] = message.locale
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(_text(message))
        mail.add_alternative(mrml.to_html(self._html.render(message=message)).content, subtype="html")
        return mail


async def _quit(server: aiosmtplib.SMTP) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await server.quit(timeout=QUIT_SECONDS)
    server.close()


def _encoded(header: str, text: str) -> str:
    """Words of RFC 2047, folded. `EmailMessage` itself loses spaces where it folds between such words."""
    return Header(text, "utf-8", header_name=header, maxlinelen=76).encode()


def _problem(refusal: aiosmtplib.SMTPResponseException) -> NotNowError | RefusedError:
    # The server's words may repeat the address, and the reason is published: only its codes are kept.
    code = _ENHANCED_CODE.match(refusal.message or "")
    reason = f"smtp {refusal.code}" + (f" {code[1]}" if code else "")
    return RefusedError(reason) if refusal.code >= 500 and refusal.code not in _OUR_FAULT else NotNowError(reason)


def _text(message: Message) -> str:
    parts = [message.greeting, message.body, "\n".join(f"{label}: {value}" for label, value in message.rows)]
    if message.button is not None:
        parts.append(f"{message.button.label}: {message.button.url}")
    parts.append(f"-- \n{message.footer}")
    return "\n\n".join(part for part in parts if part) + "\n"
