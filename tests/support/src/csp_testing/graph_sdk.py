"""Microsoft's own Graph SDK in an environment of its own: it is large, and only one test needs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from csp_testing.folders import cache, locked
from csp_testing.outside_tools import unavailable

VERSION = "1.65.0"


@pytest.fixture(scope="session")
def graph_sdk() -> Path:
    """The Python that has `msgraph-sdk`; installed once into the cache."""
    folder = cache(f"msgraph-sdk-{VERSION}")
    python = folder / "bin" / "python"
    with locked(folder):
        if not (folder / "installed").exists():
            _run([sys.executable, "-m", "venv", str(folder)])
            _run([str(python), "-m", "pip", "install", "--quiet", f"msgraph-sdk=={VERSION}"])
            (folder / "installed").touch()
    return python


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)  # our own arguments
    except subprocess.TimeoutExpired:
        unavailable("graph-sdk", "its installation did not end in 300 s")
    except subprocess.CalledProcessError as fault:
        unavailable("graph-sdk", f"it could not be installed: {fault.stderr.strip()[-500:]}")
