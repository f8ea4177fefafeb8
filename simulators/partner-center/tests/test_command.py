"""The command as people use it: ready line, signals, a free port, kept state."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx

COMMAND = [sys.executable, "-c", "from csp_cli.main import main; main()", "simulator", "--port", "0"]


@contextmanager
def running(*options):
    process = subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ}
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("simulator ready http://127.0.0.1:"), line
        yield process, line.split()[2], line.strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_says_when_it_is_ready_and_ends_at_once_though_somebody_follows_the_clock():
    with running("--world", "empty") as (process, url, line):
        assert line.endswith("(world empty, profile fast, clock 2026-01-01T00:00:00Z)")
        health = httpx.get(f"{url}/_control/health").json()
        assert health == {
            "status": "ready",
            "now": "2026-01-01T00:00:00Z",
            "profile": "fast",
            "world": "empty",
        }
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as follower:
            follower.sendall(
                b"GET /_control/clock?after=2030-01-01T00:00:00Z&wait=30 HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            httpx.get(f"{url}/_control/health")  # the follower's request was there before this one
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0  # a third of what the follower would wait
            assert b"2026-01-01T00:00:00Z" in follower.recv(4096)


def test_a_killed_simulator_has_lost_nothing_that_it_acknowledged(tmp_path):
    data = str(tmp_path / "data")
    with running("--data", data) as (process, url, _):
        partner = httpx.get(f"{url}/_control/partners").json()[0]
        wish = {
            "as": "portal_user",
            "tenant_id": partner["tenant_id"],
            "action": "create_customer",
            "company_name": "Kept",
            "domain": "kept",
        }
        customer = httpx.post(f"{url}/_control/act", json=wish).json()["customer_id"]
        moved = httpx.post(f"{url}/_control/clock/advance", json={"by": "P3D"}).json()
        token = httpx.post(
            f"{url}/_control/tokens", json={"tenant_id": partner["tenant_id"], "kind": "app"}
        ).json()["access_token"]
        process.kill()
        process.wait()
    with running("--data", data) as (_, url, line):
        assert "clock 2026-01-04T00:00:00Z" in line
        assert httpx.get(f"{url}/_control/clock").json()["now"] == moved["now"]
        answer = httpx.get(f"{url}/v1/customers/{customer}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200  # the token too is still good
        assert answer.json()["companyProfile"]["companyName"] == "Kept"


def test_a_busy_port_and_an_unknown_world_are_told_plainly(tmp_path):
    with running("--world", "empty") as (_, url, _line):
        port = url.rpartition(":")[2]
        busy = subprocess.run([*COMMAND[:-1], port], capture_output=True, text=True, check=False)
        assert busy.returncode == 1
        assert f"Cannot listen on 127.0.0.1:{port}" in busy.stderr
    unknown = subprocess.run([*COMMAND, "--world", "atlantis"], capture_output=True, text=True, check=False)
    assert (unknown.returncode, "neither demo nor empty nor a file" in unknown.stderr) == (2, True)


def test_a_running_clock_passes_by_itself():
    with running("--world", "empty", "--clock", "running") as (_, url, _line):
        passed = httpx.get(f"{url}/_control/clock?after=2026-01-01T00:00:00.200Z&wait=10").json()["now"]
        assert "2026-01-01T00:00:00.2" <= passed < "2026-01-01T00:00:10"


def test_a_running_clock_never_goes_back_over_a_crash(tmp_path):
    data = str(tmp_path / "data")
    with running("--world", "empty", "--clock", "running", "--data", data) as (process, url, _line):
        seen = httpx.get(f"{url}/_control/clock?after=2026-01-01T00:00:01.500Z&wait=10").json()["now"]
        process.kill()
    with running("--clock", "running", "--data", data) as (_, url, _line):
        assert httpx.get(f"{url}/_control/clock").json()["now"] > seen


def test_a_generated_world_can_be_started_and_offers_of_ones_own_are_shown_as_they_are(tmp_path):
    world = tmp_path / "world.jsonl.gz"
    made = subprocess.run(
        [*COMMAND[:-2], "world", "--customers", "12", "--subscriptions", "60", "--out", str(world)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "12 customers, 60 subscriptions" in made.stdout
    offer = {
        "id": "11111111-2222-3333-4444-555555555555",
        "name": "Own Offer",
        "minimumQuantity": 1,
        "maximumQuantity": 9,
        "country": "US",
        "category": {"id": "Enterprise_Key", "name": "Enterprise", "rank": 20},
        "isAddOn": False,
        "supportedBillingCycles": ["annual", "monthly"],
        "isTrial": False,
        "product": {"id": "AAAAAAAA-2222-3333-4444-555555555555", "name": "Own Offer", "unit": "Licenses"},
        "unitType": "Licenses",
        "somethingNew": {"kept": True},
    }
    offers = tmp_path / "offers.json"
    offers.write_text(json.dumps({"totalCount": 1, "items": [offer]}))
    with running("--world", "empty", "--offers", str(offers)) as (_, url, _line):
        tenant = httpx.get(f"{url}/_control/partners").json()[0]["tenant_id"]
        token = httpx.post(f"{url}/_control/tokens", json={"tenant_id": tenant}).json()["access_token"]
        listed = httpx.get(f"{url}/v1/offers?country=US", headers={"Authorization": f"Bearer {token}"}).json()
        assert listed["items"] == [offer]
        assert listed["totalCount"] == 1
    with running("--world", str(world)) as (_, url, _line):
        customers = httpx.get(f"{url}/_control/customers").json()
        assert len(customers) == 12
        assert sum(len(one["subscriptions"]) for one in customers) == 60


def test_answers_on_a_kept_connection_do_not_wait_for_the_other_side():
    with running("--world", "empty") as (_, url, _), httpx.Client(base_url=url) as client:
        taken = []
        for _ in range(20):
            started = time.monotonic()
            assert client.get("/_control/health").status_code == 200
            taken.append(time.monotonic() - started)
        assert sorted(taken)[5] < 0.03  # Nagle's delay with a delayed acknowledgement is 0.04 s, every time
