"""Facts to look at texts with: `./foyer templates preview`, and the snapshots."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

#: What an order's texts may show.
FACTS: Mapping[str, Any] = MappingProxyType(
    {
        "number": 1006313,
        "offering": "Переговорная",
        "places": {
            "resource_name": "Переговорная «Нева»",
            "location_name": "Фойе на Литейном",
            "time_zone": "Europe/Moscow",
            "starts_at": "2026-12-02T10:00:00Z",
            "ends_at": "2026-12-02T12:00:00Z",
        },
        "total": {"amount": 40000, "currency": "RUB"},
        "amount": {"amount": 40000, "currency": "RUB"},
        "refund": {"amount": 39950, "currency": "RUB"},
        "pay_until": "2026-12-01T09:45:00Z",
        "url": "https://pay.example.test/2f0f1b9e?x=1&y=2",
        "previous": {
            "resource_name": "Переговорная «Нева»",
            "location_name": "Фойе на Литейном",
            "time_zone": "Europe/Moscow",
            "starts_at": "2026-12-01T07:00:00Z",
            "ends_at": "2026-12-01T09:00:00Z",
        },
        "due_at": "2026-12-01T10:30:00Z",
        "balance": {"amount": -10000, "currency": "RUB"},
        "invoice": 2001,
    }
)
#: With what only some events bring, so that every row of every template is seen.
ALL_FACTS: Mapping[str, Any] = MappingProxyType(
    {
        **FACTS,
        "status": "in_progress",
        "reason": "staff_decision",
        "attempts": 8,
        "note": "Кран всё ещё течёт",
        "cancel_note": "Мастер заболел",
        "ticket": 77,
        "pass_number": 5001,
        "code": "K7QF-2MXD",
        "valid_until": "2027-12-01T21:00:00Z",
        "starts_at": "2026-12-05T15:00:00Z",
        "trainer": "Ольга",
        "webhook": "https://erp.example.test/in",
    }
)
NAME = "Анна Иванова"
