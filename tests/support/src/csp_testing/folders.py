"""Where tests keep what is slow to fetch: outside the repository, shared by its clones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path


def repository() -> Path:
    """The root of the working copy that this package is installed from."""
    return Path(__file__).resolve().parents[4]


def cache(name: str) -> Path:
    """A folder below `CSP_CACHE`, else `$XDG_CACHE_HOME/csp`, else `~/.cache/csp`; made if missing."""
    base = os.environ.get("CSP_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "csp"
    folder = Path(base).expanduser() / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder against other test processes of this machine."""
    with (folder / ".lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield
