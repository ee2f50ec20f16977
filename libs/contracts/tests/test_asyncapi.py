"""The catalogue for subscribers is read by the reference parser (needs node and npm)."""

import shutil
import subprocess
from pathlib import Path

import pytest
from foyer_contracts.catalogue import EVENTS
from foyer_contracts.generate import ROOT

CHECK = Path(__file__).parent / "asyncapi"


@pytest.mark.feature("X1")
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_reference_parser_accepts_the_catalogue(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = ROOT.parents[1] / ".foyer" / "asyncapi-parser"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "check.mjs"):
        shutil.copy(CHECK / name, folder / name)
    if not (folder / "node_modules" / "@asyncapi" / "parser").exists():
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=300)

    def check(document: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["node", "check.mjs", str(document)], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )

    accepted = check(ROOT / "asyncapi.yaml")
    assert accepted.returncode == 0, accepted.stderr
    assert accepted.stdout.strip() == str(len(EVENTS))
    broken = tmp_path_factory.mktemp("asyncapi") / "broken.yaml"
    broken.write_text((ROOT / "asyncapi.yaml").read_text().replace("action: send", "action: shout", 1))
    assert check(broken).returncode == 1
