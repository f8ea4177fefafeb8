"""What one machine keeps in `.csp/`: one start at a time, a sealing key, who runs."""

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any

from csp_runtime.secret_box import new_key


class AlreadyRunning(Exception):
    """Another start uses this folder."""

    code = "already-running"


class UnusableFolder(Exception):
    """The folder cannot be made or written to."""

    code = "unusable-folder"


class LocalState:
    """The folder, and the lock on it for as long as this object lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[str] | None = None

    def lock(self) -> None:
        """Take the folder; `AlreadyRunning` names who has it. Raises `UnusableFolder` where nothing can be kept in it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("a+")
        except OSError as fault:
            raise UnusableFolder(
                f"{self.folder} cannot keep the platform's data ({fault.strerror}): set CSP_DATA to another folder"
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            lock.close()
            raise AlreadyRunning(
                f"the platform already runs from {self.folder} (process {pid}): end it first, or set CSP_DATA to another folder"
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def seal_keys(self) -> str:
        """The sealing key of this machine, made at the first start."""
        path = self.folder / "seal-keys"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(new_key())
        return path.read_text().strip()

    def announce(self, facts: dict[str, Any]) -> None:
        """Tell `csp demo` and `csp token` where the platform is; no secret is in it."""
        (self.folder / "running.json").write_text(json.dumps(facts, indent=2))

    def announced(self) -> dict[str, Any] | None:
        """What the running platform told, if one ever ran here."""
        try:
            facts: dict[str, Any] = json.loads((self.folder / "running.json").read_text())
        except (OSError, ValueError):
            return None
        return facts

    def release(self) -> None:
        """Give the folder back; nothing where it is another process's."""
        if self._lock is None:
            return
        (self.folder / "running.json").unlink(missing_ok=True)
        self._lock.close()
        self._lock = None
