"""Stripe's form encoding: `line_items[0][price_data][currency]=rub` → nested dictionaries and lists."""

import re
from typing import Any
from urllib.parse import parse_qsl

_PART = re.compile(r"\[([^\]]*)\]")


def parse(raw: str) -> dict[str, Any]:
    """The nested values of a query or body; a list's indices must begin at 0 and have no gaps."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True, strict_parsing=bool(raw)):
        head, _, rest = name.partition("[")
        keys = [head, *_PART.findall("[" + rest if rest else "")]
        place = tree
        for key in keys[:-1]:
            place = place.setdefault(key or str(len(place)), {})
            if not isinstance(place, dict):
                raise ValueError(name)
        place[keys[-1] or str(len(place))] = value
    return {key: _lists(value) for key, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    made = {key: _lists(item) for key, item in value.items()}
    if made and list(made) == [str(index) for index in range(len(made))]:
        return list(made.values())
    return made
