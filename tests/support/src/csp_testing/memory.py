"""Where tests keep data that nobody needs afterwards: in memory where the machine lets them, for disks make them wait."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
_PREFIX = "csp-tests-"
_NEEDED = 4 * 1024**3
"""Bytes: several times what the servers of all test processes have kept at once."""


@contextmanager
def passing_folder() -> Iterator[Path]:
    """A new folder, gone afterwards; other users may enter it, for PostgreSQL does not run as root.

    In memory where there is room and programs may run from there, else below the usual temporary folder.
    """
    parent = _MEMORY if _is_fit(_MEMORY) else Path(tempfile.gettempdir())
    _remove_what_killed_tests_left(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_fit(folder: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize > _NEEDED and not found.f_flag & os.ST_NOEXEC


def _remove_what_killed_tests_left(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)
