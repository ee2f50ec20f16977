"""Settings from the environment, and secrets from files."""

import subprocess
import sys
from pathlib import Path

_PRINT = """
from foyer_chassis.settings import ServiceSettings
settings = ServiceSettings()
print(settings.database_url, settings.http_port, settings.retry_delays_seconds)
"""


def test_secrets_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "foyer_database_url").write_text("postgresql://from-a-file/db\n")
    environment = {
        "FOYER_SECRETS_DIR": str(tmp_path),
        "FOYER_AMQP_URL": "amqp://localhost/",
        "FOYER_OIDC_ISSUER": "https://identity.test",
        "FOYER_OIDC_JWKS_URL": "https://identity.test/jwks",
        "FOYER_HTTP_PORT": "8123",
        "FOYER_RETRY_DELAYS_SECONDS": "[0.5, 1]",
    }
    command = [sys.executable, "-c", _PRINT]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout
    assert printed.split(maxsplit=2) == ["postgresql://from-a-file/db", "8123", "(0.5, 1.0)\n"]
