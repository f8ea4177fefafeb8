"""Helm: from the PATH, else built by Go into the cache, else a reported skip."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from csp_testing.folders import cache, locked
from csp_testing.outside_tools import unavailable

VERSION = "v3.18.6"


@pytest.fixture(scope="session")
def helm() -> Path:
    """The program."""
    found = shutil.which("helm")
    if found is not None:
        return Path(found)
    go = shutil.which("go")
    if go is None:
        unavailable("helm", "neither helm nor Go to build it is on the PATH")
    folder = cache(f"helm-{VERSION}")
    program = folder / "helm"
    with locked(folder):
        if not program.exists():
            done = subprocess.run(
                [go, "install", f"helm.sh/helm/v3/cmd/helm@{VERSION}"],
                env=os.environ | {"GOBIN": str(folder), "GOFLAGS": "-mod=mod"},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                unavailable("helm", f"Go could not build it: {done.stderr[-400:]}")
    return program
