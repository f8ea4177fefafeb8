"""The whole platform as its user starts it: `csp up` in a folder, from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from csp_testing.memory import passing_folder
from csp_testing.ports import die_with_parent, free_port

READY_SECONDS = 120.0


class Running:
    """A `csp up` process; ends with the test."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self.log = folder.parent / f"{folder.name}.log"
        self.port, self._simulator_port = free_port(), free_port()
        command = [
            *(sys.executable, "-m", "csp_cli", "up", "--data", str(folder)),
            *("--port", str(self.port), "--simulator-port", str(self._simulator_port), *arguments),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=os.environ | environment,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one call into libc, no locks
            )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + READY_SECONDS
        while not (self.folder / "running.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"csp up did not become ready:\n{self.tail()}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def facts(self) -> dict[str, Any]:
        """What the platform announced."""
        facts: dict[str, Any] = json.loads((self.folder / "running.json").read_text())
        return facts

    @property
    def gateway(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> httpx.Response:
        """`/readyz`."""
        return httpx.get(f"{self.gateway}/readyz", timeout=10.0)

    def csp(self, *arguments: str, within: float = 170.0) -> subprocess.CompletedProcess[str]:
        """Another `csp` command against this platform."""
        return subprocess.run(
            [sys.executable, "-m", "csp_cli", *arguments, "--data", str(self.folder)],
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )

    def interrupt(self) -> float:
        """Ctrl-C; the seconds until it ended. Raises `AssertionError` after ten."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"csp up does not end:\n{self.tail()}") from None
        return time.monotonic() - began

    def stop(self) -> None:
        """End it, by force if need be."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10.0)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.said().splitlines()[-30:])

    def said(self) -> str:
        """All of its log."""
        return self.log.read_text(errors="replace")


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A folder for `csp up`, gone after the test."""
    with passing_folder() as folder:
        yield folder / "data"
