"""Outside tools that a test needs: found, or skipped with the reason, or refused where `CSP_REQUIRE` names them."""

import os
import shutil
from typing import NoReturn

import pytest


def unavailable(tool: str, reason: str) -> NoReturn:
    """Skip the test with the reason; fail it where `CSP_REQUIRE` (a comma-separated list) names the tool."""
    if tool in os.environ.get("CSP_REQUIRE", "").replace(" ", "").split(","):
        pytest.fail(f"CSP_REQUIRE names {tool}, but {reason}", pytrace=False)
    pytest.skip(f"{tool}: {reason}")


def program(tool: str, name: str | None = None) -> str:
    """The path of a program, or `unavailable`."""
    found = shutil.which(name or tool)
    if found is None:
        unavailable(tool, f"no program {name or tool!r} on the PATH")
    return found
