"""Database or broker gone: commands are refused or kept, nothing is lost or doubled, all recovers without a hand."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from psycopg import conninfo

from csp_testing.door import Door
from csp_testing.kafka import KafkaServer
from csp_testing.ports import free_ports
from csp_testing.probe import eventually
from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("story")]

ADDRESS = {"line1": "Am Markt 1", "city": "Berlin", "postal_code": "10117", "country": "DE"}
CONTACT = {"first_name": "Carla", "last_name": "Conti", "email": "carla@example.org"}


class Portal:
    """A portal that sends commands: the same key for the same wish, however often it has to ask."""

    def __init__(self, running: Running) -> None:
        token = running.csp("token").stdout.strip()
        self._http = httpx.Client(
            base_url=running.gateway, headers={"Authorization": f"Bearer {token}"}, timeout=30.0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def add_customer(self, name: str) -> httpx.Response:
        return self._http.post(
            "/v1/customers",
            json={"name": name, "address": ADDRESS, "contact": CONTACT},
            headers={"Idempotency-Key": f"add {name}"},
        )

    def add_until_accepted(self, name: str) -> httpx.Response:
        answer: httpx.Response = wait(lambda: _accepted(self.add_customer(name)))
        return answer

    def names(self, prefix: str) -> list[str]:
        found, path = [], "/v1/customers?page[size]=500"
        while path is not None:
            page = self._http.get(path).raise_for_status().json()
            found += [each["name"] for each in page["data"] if each["name"].startswith(prefix)]
            path = page["meta"]["page"]["next"]
        return found

    def get(self, path: str) -> httpx.Response:
        return self._http.get(path)


def _processes(data_folder: Path, kafka_server: KafkaServer) -> Running:
    return Running(
        data_folder, "--processes", "--services-port", str(free_ports(8)), CSP_KAFKA=kafka_server.bootstrap
    )


def _accepted(answer: httpx.Response) -> httpx.Response | None:
    assert answer.status_code in (201, 503), answer.text
    return answer if answer.status_code == 201 else None


def wait(probe: Callable[[], Any], within: float = 60.0) -> Any:
    return asyncio.run(eventually(probe, within=within))


def refused(answer: httpx.Response) -> None:
    """503, and all of it agrees that one may try again."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["retryable"] is True


def test_commands_are_refused_while_the_database_is_gone_and_nothing_accepted_is_lost(
    data_folder, database_url
):
    inside = conninfo.conninfo_to_dict(database_url)
    with Door(int(inside["port"])) as door:
        url = f"postgresql://{inside['user']}:{inside['password']}@127.0.0.1:{door.port}/{inside['dbname']}"
        with Running(data_folder, CSP_DATABASE_URL=url) as running, Portal(running) as portal:
            assert portal.add_customer("Calm").status_code == 201

            names = [f"Storm {number:02}" for number in range(12)]
            with ThreadPoolExecutor(4) as portals:
                sent = [portals.submit(portal.add_customer, name) for name in names]
                wait(sent[3].done)
                door.shut()  # in the middle of them
                answers = [each.result() for each in sent]
            for answer in answers:
                if answer.status_code != 201:
                    refused(answer)
            assert any(answer.status_code == 503 for answer in answers)
            refused(portal.add_customer("Late"))
            refused(portal.get("/v1/customers"))
            assert portal.get("/healthz").status_code == 200
            unready = portal.get("/readyz")
            assert (unready.status_code, "gateway database" in unready.json()["waiting_for"]) == (503, True)

            door.open()
            began = time.monotonic()
            wait(lambda: portal.get("/readyz").status_code == 200)
            assert time.monotonic() - began < 20
            for name, answer in zip(names, answers, strict=True):
                again = portal.add_until_accepted(name)
                if answer.status_code == 201:
                    assert again.json() == answer.json()
            portal.add_until_accepted("Late")
            wait(lambda: portal.names("Late") == ["Late"])
            assert portal.names("Storm") == names
            assert portal.names("Calm") == ["Calm"]
            running.interrupt()


def test_the_database_of_one_machine_is_started_again_when_it_dies(data_folder):
    with Running(data_folder) as running, Portal(running) as portal:
        assert portal.add_customer("Before").status_code == 201
        server = int((data_folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(server, signal.SIGKILL)
        answer = portal.add_customer("Storm")
        if answer.status_code != 201:
            refused(answer)
        portal.add_until_accepted("Storm")
        wait(lambda: portal.get("/readyz").status_code == 200)
        wait(lambda: portal.names("Storm") == ["Storm"])
        assert portal.names("Before") == ["Before"]
        assert "PostgreSQL ended by itself" in running.said()
        running.interrupt()


@pytest.mark.kafka
def test_the_database_of_many_processes_is_started_again_when_it_dies(data_folder, kafka_server):
    kafka_server.start()
    with (
        _processes(data_folder, kafka_server) as running,
        Portal(running) as portal,
    ):
        portal.add_until_accepted("Before")
        for _ in range(2):
            server = int((data_folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
            os.kill(server, signal.SIGKILL)
            portal.add_until_accepted("Storm")
            wait(lambda: portal.get("/readyz").status_code == 200)
        wait(lambda: portal.names("Storm") == ["Storm"], within=60.0)
        assert portal.names("Before") == ["Before"]
        running.interrupt()


def test_a_folder_that_can_keep_nothing_is_named(data_folder):
    data_folder.write_text("a file")
    with (
        pytest.raises(AssertionError, match="cannot keep the platform's data") as ended,
        Running(data_folder),
    ):
        pytest.fail("it started")
    assert "Traceback" not in str(ended.value)


@pytest.mark.kafka
def test_commands_are_accepted_while_the_broker_is_gone_and_arrive_when_it_returns(data_folder, kafka_server):
    kafka_server.start()
    with (
        _processes(data_folder, kafka_server) as running,
        Portal(running) as portal,
    ):
        portal.add_until_accepted("Before")
        wait(lambda: portal.names("Before") == ["Before"])
        kafka_server.kill()
        names = [f"Dark {number}" for number in range(5)]
        for name in names:
            assert portal.add_customer(name).status_code == 201  # the owner's log is its outbox
        assert portal.names("Dark") == []
        kafka_server.start()
        wait(lambda: portal.names("Dark") == names, within=120.0)
        assert portal.names("Before") == ["Before"]
        running.interrupt()
