"""CPU time of a server and its children, out of `/proc`: what a bench's own clock does not see."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Of a process, of the children that it has, and of those that have ended."""
    ticks = sum(_stat(Path("/proc") / str(pid))[1:])
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent, user, system, *_ = _stat(folder)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            if parent == pid:
                ticks += user + system
    return ticks / _TICKS


def _stat(folder: Path) -> tuple[int, int, int, int, int]:
    """Parent, and ticks in user and system mode of the process itself and of its children that have ended."""
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), int(fields[11]), int(fields[12]), int(fields[13]), int(fields[14])
