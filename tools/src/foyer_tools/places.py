"""Where things are: the checkout, its state folder, and the names of the processes that make up the system."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

SERVICES = ("orders", "booking", "payments", "notifications", "chat")
SANDBOX_PARTS = ("provider", "stripe", "push", "mailbox", "identity")

LOOPBACK = "127.0.0.1"


def state_folder() -> Path:
    """The folder of everything that a checkout makes for itself; `FOYER_STATE_DIR` moves it (used by tests)."""
    folder = Path(os.environ.get("FOYER_STATE_DIR") or ROOT / ".foyer").resolve()
    # 0711: the unprivileged user that runs PostgreSQL must get through to its own folder, and see nothing else.
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    return folder


def apart() -> Path:
    """A state folder within the checkout's, for servers that a test restarts while other tests use the checkout's."""
    folder = state_folder() / "apart"
    folder.mkdir(mode=0o711, exist_ok=True)
    return folder


def checkout_id() -> str:
    """Ten hex digits that tell this checkout's processes, folders and names from those of another one."""
    return hashlib.sha256(str(state_folder()).encode()).hexdigest()[:10]


def log_folder(profile: str = "main") -> Path:
    """Where the processes of a profile write: `.foyer/logs` for the main one, a folder below it for others."""
    folder = state_folder() / "logs"
    if profile != "main":
        folder = folder / profile
    folder.mkdir(parents=True, exist_ok=True)
    return folder
