"""System messages in the reader's language: sentences from `templates/<language>/texts.ftl`, money by Babel."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel import Locale, numbers
from fluent.runtime import FluentBundle, FluentResource
from foyer_contracts.money import Money

FOLDER = Path(__file__).parent / "templates"
LOCALES = {"ru": Locale("ru"), "en": Locale("en", "GB")}


class Texts:
    """Puts system messages into words."""

    def __init__(self) -> None:
        self._bundles = {locale: _bundle(locale) for locale in LOCALES}

    def render(self, template: str, facts: Mapping[str, Any], locale: str) -> str:
        """The text of a system message, plain.

        Raises:
            KeyError: there is no such template.
        """
        bundle = self._bundles[locale]
        pattern = bundle.get_message(template).value
        if pattern is None:
            raise KeyError(template)
        refund = facts.get("refund")
        arguments = {
            "status": str(facts.get("status", "")),
            "reason": str(facts.get("reason", "")),
            "refund": _money(refund, locale) if refund else "",
            "refunding": "yes" if refund else "no",
        }
        text, errors = bundle.format_pattern(pattern, arguments)
        if errors:
            raise KeyError(f"{locale} {template}: {errors[0]}")
        return str(text)


def _bundle(locale: str) -> FluentBundle:
    bundle = FluentBundle([locale], use_isolating=False)
    bundle.add_resource(FluentResource((FOLDER / locale / "texts.ftl").read_text(encoding="utf-8")))
    return bundle


def _money(value: dict[str, Any], locale: str) -> str:
    amount = Money.model_validate(value)
    number = Decimal(amount.to_decimal_string())
    digits = 0 if number == number.to_integral_value() else amount.exponent
    text = numbers.format_decimal(
        number, format="#,##0" + ("." + "0" * digits if digits else ""), locale=LOCALES[locale]
    )
    symbol = numbers.get_currency_symbol(amount.currency, LOCALES[locale])
    if locale == "ru":
        return f"{text}\u00a0{symbol}"
    return f"{symbol}\u00a0{text}" if symbol.isalpha() else f"{symbol}{text}"
