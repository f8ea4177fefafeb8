"""The whole path as its user walks it: `csp up`, `csp demo`, Ctrl-C."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from csp_testing.ports import free_ports
from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("story")]


@pytest.fixture
def private_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that only its owner may enter; what PostgreSQL keeps elsewhere therefore, is gone after the test."""
    tmp_path.chmod(0o700)
    folder = tmp_path / "data"
    yield folder
    data = folder / "postgres"
    if data.is_symlink():
        shutil.rmtree(data.resolve(), ignore_errors=True)


def processes_of(folder: Path) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(folder) in line and "ps -eo" not in line]


def test_the_story_passes_in_one_process_and_can_be_told_again(data_folder):
    folder = data_folder
    with Running(folder) as running:
        assert running.ready().json()["status"] == "ready"
        assert httpx.get(f"{running.gateway}/healthz").json() == {"status": "alive"}
        for _ in range(2):
            told = running.csp("demo")
            assert told.returncode == 0, f"{told.stdout[-3000:]}\n{told.stderr[-2000:]}\n{running.tail()}"
            assert "224.00" in told.stdout
        second = running.csp("up", "--port", "0", "--simulator-port", "0")
        assert second.returncode == 1
        assert "already runs" in second.stdout
        assert running.csp("token").returncode == 0, "a refused start leaves the running platform alone"
        running.interrupt()
    assert processes_of(folder) == []
    assert not (folder / "running.json").exists()


def test_data_and_clock_survive_a_restart(private_folder):
    folder = private_folder
    with Running(folder) as running:
        token = running.csp("token").stdout.strip()
        first = httpx.get(f"{running.gateway}/v1/customers", headers={"Authorization": f"Bearer {token}"})
        simulator = running.facts["simulator"]
        moved = httpx.post(f"{simulator}/_control/clock/advance", json={"by": "P1D"}).json()["now"]
        running.interrupt()
    with Running(folder) as again:
        token = again.csp("token").stdout.strip()
        answer = httpx.get(f"{again.gateway}/v1/customers", headers={"Authorization": f"Bearer {token}"})
        assert {each["id"] for each in first.json()["data"]} <= {each["id"] for each in answer.json()["data"]}
        assert again.ready().json()["now"] >= moved[:19]


@pytest.mark.kafka
def test_the_same_story_passes_as_separate_processes_over_kafka(data_folder, kafka_server):
    folder = data_folder
    kafka_server.start()
    with Running(
        folder, "--processes", "--services-port", str(free_ports(8)), CSP_KAFKA=kafka_server.bootstrap
    ) as running:
        told = running.csp("demo")
        assert told.returncode == 0, f"{told.stdout[-3000:]}\n{told.stderr[-2000:]}\n{running.tail()}"
        running.interrupt()
    assert processes_of(folder) == []
