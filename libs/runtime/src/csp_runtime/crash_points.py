"""Named points between two writes that must be one; tests kill the process there.

Without `CSP_CRASH_AT` a point costs one comparison.
"""

import os
import signal

_CRASH_AT = os.environ.get("CSP_CRASH_AT")
_remaining = int(os.environ.get("CSP_CRASH_AFTER", "0"))


def crash_point(name: str) -> None:
    """Die here by SIGKILL if the environment names this point (after `CSP_CRASH_AFTER` passes)."""
    if _CRASH_AT is None or name != _CRASH_AT:
        return
    global _remaining  # noqa: PLW0603 - counts passes of this process
    if _remaining > 0:
        _remaining -= 1
        return
    os.kill(os.getpid(), signal.SIGKILL)
