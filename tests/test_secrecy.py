"""What the tests print is watched (conftest.py); this is what the watch sees and what it does not."""

import pytest

from conftest import secrets_in

TOKEN = "eyJhbGciOiJFUzI1NiJ9" + ".eyJzdWIiOiJhbm5hIn0xMjM0" + ".c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmU"


@pytest.mark.parametrize(
    "text",
    [f"Bearer {TOKEN}", "postgresql://foyer:hunter2@127.0.0.1/x", "card 5555 5555 5555 4444", "4111111111111111"],
)
def test_secrets_are_seen(text: str) -> None:
    assert secrets_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "019ad9a0-0000-7000-8000-000000000001",
        "postgresql://nobody@127.0.0.1/x",
        "postgresql://foyer:***@127.0.0.1/x",
        "4111111111111112",
        "2026-11-23T09:00:00.123456+00:00",
    ],
)
def test_what_is_no_secret_is_not(text: str) -> None:
    assert secrets_in(text) == []
