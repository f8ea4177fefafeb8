"""An accounting system that copies lines by the change feed holds all of a closed cycle, and can prove it."""

import shutil
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import pytest

from csp_testing.probe import eventually
from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("story")]

READER = Path(__file__).parents[2] / "docs" / "examples" / "erp_reader.py"


def read(running: Running, token: str, into: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(READER), "--url", running.gateway, "--token", token, "--into", str(into)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


async def close_what_has_ended(reseller: httpx.AsyncClient) -> list[str]:
    """Close all cycles that are over, in order; their ids."""
    cycles = (await reseller.get("/billing-cycles")).raise_for_status().json()["data"]
    ended = [cycle["id"] for cycle in reversed(cycles) if cycle["status"] == "ended"]
    for cycle in ended:
        headers = {"Idempotency-Key": uuid.uuid4().hex, "If-Match": "*"}
        answer = await reseller.post(f"/billing-cycles/{cycle}/close", json={}, headers=headers)
        answer.raise_for_status()

        async def closed(cycle: str = cycle) -> bool:
            found = (await reseller.get("/billing-cycles")).raise_for_status().json()["data"]
            return any(each["id"] == cycle and each["status"] == "closed" for each in found)

        await eventually(closed, within=60.0, what=f"{cycle} is closed")
    return ended


async def test_an_erp_system_reads_every_line_of_a_closed_cycle(data_folder, tmp_path):
    erp = tmp_path / "erp.sqlite"
    with Running(data_folder) as running:
        told = running.csp("demo")
        assert told.returncode == 0, f"{told.stdout[-3000:]}\n{running.tail()}"
        token = running.csp("token").stdout.strip()
        async with httpx.AsyncClient(
            base_url=f"{running.gateway}/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60.0
        ) as reseller:
            closed = await close_what_has_ended(reseller)

        async def complete() -> str | None:
            found = read(running, token, erp)
            return (
                found.stdout
                if found.returncode == 0 and found.stdout.count("complete") == len(closed)
                else None
            )

        assert f"{closed[-1]}: 2 reports, 14 lines: complete" in await eventually(
            complete, within=60.0, what="all of the closed cycles has arrived"
        )
        again = tmp_path / "again.sqlite"
        shutil.copy(erp, again)
        with sqlite3.connect(again) as copy:
            (net,) = copy.execute("select sum(amount_minor) from lines where ledger = 'sell'").fetchone()
            assert net == 22400
            copy.execute("update cursor set next = '0'")
        assert read(running, token, again).stdout == read(running, token, erp).stdout, (
            "told twice, written once"
        )
        with sqlite3.connect(again) as copy:
            copy.execute("delete from lines where rowid in (select rowid from lines limit 1)")
        assert read(running, token, again).returncode == 1, "a lost line is noticed"
        running.interrupt()
