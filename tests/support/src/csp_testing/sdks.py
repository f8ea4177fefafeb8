"""Clients of others in environments of their own: they are large or old, and only one test each needs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from csp_testing.folders import cache, locked
from csp_testing.outside_tools import unavailable


@pytest.fixture(scope="session")
def graph_sdk() -> Path:
    """The Python that has Microsoft's own Graph SDK."""
    return _environment("graph-sdk", "msgraph-sdk", "1.65.0")


@pytest.fixture(scope="session")
def partner_sdk() -> Path:
    """The Python that has the client generated from Microsoft's description of Partner Center."""
    return _environment("partner-sdk", "partnercenterservices", "0.1.2")


def _environment(tool: str, package: str, version: str) -> Path:
    folder = cache(f"{package}-{version}")
    python = folder / "bin" / "python"
    with locked(folder):
        if not (folder / "installed").exists():
            _run(tool, [sys.executable, "-m", "venv", str(folder)])
            _run(tool, [str(python), "-m", "pip", "install", "--quiet", f"{package}=={version}"])
            (folder / "installed").touch()
    return python


def _run(tool: str, command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)  # our own arguments
    except subprocess.TimeoutExpired:
        unavailable(tool, "its installation did not end in 300 s")
    except subprocess.CalledProcessError as fault:
        unavailable(tool, f"it could not be installed: {fault.stderr.strip()[-500:]}")
