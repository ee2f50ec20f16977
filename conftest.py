"""What the tests print is read like a log: no token, password or card number may stand in it.

The sources: OWASP's logging cheat sheet ("data to exclude"); PCI DSS 4.0, 3.4 (a card number is never shown whole).
"""

import re
from collections.abc import Generator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: Tests that use the broker, start servers or measure: one after the other, whatever runs beside them.
ONE_BY_ONE = ("libs/chassis/", "services/chat/tests/test_live.py", "tools/", "tests/", "benchmarks/")

#: An access token (RFC 7519, 3.1), a URL with a password (RFC 3986, 3.2.1), and 16 digits that may be a card's.
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}")
PASSWORD = re.compile(r"[a-z]+://[^:/@\s\"']+:[^@/\s\"'*]+@")
CARD = re.compile(r"(?<![0-9A-Za-z-])[2-6](?:[ -]?[0-9]){15}(?![0-9A-Za-z-])")


def secrets_in(text: str) -> list[str]:
    """What of a text should not be there, shortened."""
    found = [*TOKEN.findall(text), *PASSWORD.findall(text), *filter(_is_card, CARD.findall(text))]
    return [f"{item[:6]}…" for item in found]


def _is_card(text: str) -> bool:
    """ISO/IEC 7812-1, annex B: the check digit."""
    digits = [int(letter) for letter in text if letter.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


class _Sharing(LoadScopeScheduling):  # type: ignore[misc]
    """How several processes share the tests: whole files, and all that go one by one to the same process."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return "one by one" if path.startswith(ONE_BY_ONE) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return _Sharing(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # A failed test shows its values, and has failed already.
    if call.when == "teardown" and report.passed:
        for title, text in report.sections:
            if leaked := secrets_in(text):
                report.outcome = "failed"
                report.longrepr = f"{item.nodeid} printed what no log may have ({title}): {', '.join(leaked[:5])}"
    return report
