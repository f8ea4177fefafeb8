"""Both surfaces take whatever is sent to them: no server error, and no answer that is not documented."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from csp_testing.probe import eventually
from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("story")]

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def customers(running: Running, token: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{running.gateway}/v1/customers", headers={"Authorization": f"Bearer {token}"})
    return answer.json()["data"]


def fuzz(url: str, token: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", url),
            *("-H", f"Authorization: Bearer {token}", "--checks", CHECKS),
            *("--phases", "examples,fuzzing", "--max-examples", "5", "--workers", "2", "--no-color"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_that_is_sent_breaks_either_surface(data_folder, tmp_path):
    with Running(data_folder) as running:
        token = running.csp("token").stdout.strip()
        customer = asyncio.run(eventually(lambda: customers(running, token), within=60.0))[0]["id"]
        carl = running.csp("token", "--as", "customer-admin", "--customer", customer).stdout.strip()
        for path, bearer in (("/v1", token), ("/portal/v1", carl)):
            done = fuzz(f"{running.gateway}{path}/openapi.json", bearer, tmp_path)
            # What broke stands first, long warnings behind it.
            found = done.stdout[done.stdout.find("FAILURES") :]
            assert done.returncode == 0, found[:6000] + done.stderr[-1000:] + running.tail()
