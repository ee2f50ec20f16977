"""`./foyer templates preview [NAME] [--locale ru|en] [--html FILE]`: what people will read, before anything is sent.

Every notification, or one, in both languages with sample facts: the mail's subject and text, what the feed and a push
message show, and the text message and the bot's where the table has them. With `--html` the mail of the one named is
written to a file, as mail programs get it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Literal, get_args
from uuid import UUID

from notifications.channels.email import SmtpMail
from notifications.channels.push import shown
from notifications.channels.sms import text_of
from notifications.channels.telegram import body_of
from notifications.settings import Settings
from notifications.telling.domain.rules import Channel, rule_of
from notifications.texts.domain import TEMPLATES, Message
from notifications.texts.renderer import Renderer
from notifications.texts.samples import ALL_FACTS, NAME

Locale = Literal["ru", "en"]


class UnknownTemplateError(Exception):
    """There is no such notification."""


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("foyer templates", description="look at the texts of notifications")
    preview = parser.add_subparsers(dest="command", required=True).add_parser(
        "preview", help="every notification, or one, in both languages with sample facts"
    )
    preview.add_argument("name", nargs="?", help=f"one of: {', '.join(sorted(TEMPLATES))}")
    preview.add_argument("--locale", choices=get_args(Locale), help="only this language")
    preview.add_argument("--html", type=Path, metavar="FILE", help="write the mail of NAME here (Russian, or --locale)")
    options = parser.parse_args(argv)
    if options.name is not None and options.name not in TEMPLATES:
        raise UnknownTemplateError(
            f"there is no notification “{options.name}”; there are {', '.join(sorted(TEMPLATES))}"
        )
    if options.html is not None and options.name is None:
        parser.error("--html wants the NAME of one notification")
    names = [options.name] if options.name else sorted(TEMPLATES)
    locales: Sequence[Locale] = [options.locale] if options.locale else get_args(Locale)
    renderer = Renderer()
    for name in names:
        for locale in locales:
            sys.stdout.write(described(name, renderer.render(name, ALL_FACTS, locale, name=NAME)))
    if options.html is not None:
        html = _part(_mail(renderer.render(options.name, ALL_FACTS, locales[0], name=NAME)), "html")
        options.html.write_text(html, encoding="utf-8")
    return 0


def described(name: str, message: Message) -> str:
    """One notification in one language, as each channel shows it."""
    title, body = shown(message)
    parts = {
        "subject": message.title,
        "mail": _part(_mail(message), "plain").rstrip(),
        "feed": f"{message.title}\n{message.short}",
        "push": f"{title}\n{body}",
        **_texts_alone(name, message),
    }
    lines = [f"━━ {name} · {message.locale}"]
    for channel, text in parts.items():
        first, *rest = text.splitlines()
        lines += [f"{channel:<8} {first}", *(f"         {line}".rstrip() for line in rest)]
    return "\n".join(lines) + "\n\n"


def _texts_alone(name: str, message: Message) -> dict[str, str]:
    """What goes out by text message and by the bot, where the table sends it there."""
    channels = rule_of(name).channels
    parts = {}
    if Channel.SMS in channels:
        parts["sms"] = text_of(message, Settings.model_fields["sms_most_segments"].default)
    if Channel.TELEGRAM in channels:
        body = body_of(message, chat_id=0)
        (row,) = body.get("reply_markup", {"inline_keyboard": [[]]})["inline_keyboard"]
        parts["telegram"] = "\n".join([body["text"], *(f"[{button['text']}] {button['url']}" for button in row)])
    return parts


def _mail(message: Message) -> EmailMessage:
    mail = SmtpMail(
        host="",
        port=0,
        username="",
        password="",
        security="tls",
        mail_from="Foyer <no-reply@localhost>",
        timeout_seconds=1,
    )
    return mail.compose(message, mailbox="anna@example.test", delivery_id=UUID(int=0))


def _part(mail: EmailMessage, subtype: Literal["plain", "html"]) -> str:
    part = mail.get_body((subtype,))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")
