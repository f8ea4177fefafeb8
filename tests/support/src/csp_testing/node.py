"""Node.js packages of `tools/node`, installed once per lock file into the cache."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from csp_testing.folders import cache, locked, repository
from csp_testing.outside_tools import program, unavailable


def node_project() -> Path:
    """A folder whose `node_modules` hold what `tools/node/package-lock.json` says; skips where Node or npm is missing."""
    program("node")
    npm = program("node", "npm")
    source = repository() / "tools" / "node"
    lock = (source / "package-lock.json").read_bytes()
    folder = cache(f"node/{hashlib.sha256(lock).hexdigest()[:16]}")
    with locked(folder):
        if not (folder / "installed").exists():
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(source / name, folder / name)
            _install(npm, folder)
            (folder / "installed").touch()
    return folder


def _install(npm: str, folder: Path) -> None:
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=300
        )  # our own arguments
    except subprocess.TimeoutExpired:
        unavailable("node", "npm ci did not end in 300 s")
    except subprocess.CalledProcessError as fault:
        unavailable("node", f"npm ci failed: {fault.stderr.strip()[-500:]}")


@pytest.fixture(scope="session")
def node_packages() -> Path:
    """The folder to run `node` in, so that it finds the packages of `tools/node`."""
    return node_project()
