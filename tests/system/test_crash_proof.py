"""The spine's process is killed between any two writes and started again: the end is that of an undisturbed run.

Nothing is lost, nothing doubled, versions are contiguous; over the log and over a real Kafka broker.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from csp_runtime.migrate import migrate
from csp_testing.folders import repository

PROGRAM = Path(__file__).parent / "spine_program.py"
RUNTIME = repository() / "libs" / "runtime" / "src" / "csp_runtime"
POINTS = [
    point
    for module in ("store", "relay", "consumer")
    for point in re.findall(r'crash_point\("([a-z.-]+)"\)', (RUNTIME / f"{module}.py").read_text())
]
PASSES_BEFORE = {"consumer.between-streams": 1}
"""Most points are passed many times: the process dies at the fourth pass, in the middle of the work."""


def prepare(url):
    """The schema of the spine in an empty database."""
    migrate(url, "things", ["csp_runtime"])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "create table things.totals (stream text primary key, versions int[] not null, total bigint not null)"
        )
        connection.execute("grant all on things.totals to csp_things_worker")
    return url


@pytest.fixture
def spine_url(database_url):
    return prepare(database_url)


@pytest.fixture(scope="module")
def undisturbed(postgres_server):
    """The end state of a run that nothing disturbed."""
    name = f"undisturbed_{os.getpid()}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        try:
            url = prepare(conninfo.make_conninfo(postgres_server, dbname=name))
            assert run(url, "things") == 0
            yield end_state(url)
        finally:
            connection.execute(f"drop database {name} with (force)")


def run(url, context, bootstrap=None, crash_at=None):
    """The exit code of the program: 0 when all is done, -9 when it was killed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CSP_CRASH")}
    if crash_at is not None:
        environment["CSP_CRASH_AT"] = crash_at
        environment["CSP_CRASH_AFTER"] = str(PASSES_BEFORE.get(crash_at, 3))
    command = [sys.executable, str(PROGRAM), "--url", url, "--context", context]
    command += ["--bootstrap", bootstrap] if bootstrap is not None else []
    ran = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=150)
    assert ran.returncode in {0, -signal.SIGKILL}, ran.stderr[-3000:]
    return ran.returncode


def end_state(url):
    """Everything that must not depend on crashes."""
    with psycopg.connect(url) as connection:
        return {
            name: connection.execute(query).fetchall()
            for name, query in {
                "events": "select originator_id, originator_version, topic, state from things.things_events order by 1, 2",
                "totals": "select stream, versions, total from things.totals order by 1",
                "known": "select consumer, stream, version from things.known_versions order by 1, 2",
                "dead letters": "select consumer, stream, version, code from things.dead_letters order by 1, 2, 3",
                "parked": "select consumer, stream, reason from things.parked_streams order by 1, 2",
            }.items()
        }


def test_an_undisturbed_run_does_what_was_asked(undisturbed):
    by_stream = {}
    for stream, version, *_ in undisturbed["events"]:
        by_stream.setdefault(stream, []).append(version)
    assert len(by_stream) == 12
    for stream, versions in by_stream.items():
        assert versions == list(range(1, len(versions) + 1)), stream
    totals = {stream: (versions, total) for stream, versions, total in undisturbed["totals"]}
    assert {stream: versions for stream, (versions, _) in totals.items()} == {
        stream: versions for stream, versions in by_stream.items() if not stream.endswith("_bad")
    }
    # The commands carry 1 to 60; the twentieth is the poisoned one.
    assert sum(total for stream, (_, total) in totals.items() if stream.startswith("ord")) == 60 * 61 / 2 - 20
    for number in range(5):
        assert totals[f"prc_{number}"][1] == 2 * totals[f"ord_{number}"][1]
    assert [stream for _, stream, _ in undisturbed["parked"]] == ["ord_bad", "prc_bad"]
    assert [letter[1] for letter in undisturbed["dead letters"]] == ["ord_bad", "prc_bad"]


def test_the_points_of_every_part_are_known():
    assert {point.partition(".")[0] for point in POINTS} == {"store", "relay", "consumer"}
    assert len(POINTS) == len(set(POINTS))


@pytest.mark.parametrize("point", [point for point in POINTS if not point.startswith("relay.")])
def test_killed_over_the_log_it_ends_as_if_undisturbed(spine_url, undisturbed, point):
    assert run(spine_url, "things", crash_at=point) == -signal.SIGKILL
    assert end_state(spine_url) != undisturbed
    assert run(spine_url, "things") == 0
    assert end_state(spine_url) == undisturbed


@pytest.mark.kafka
@pytest.mark.parametrize("point", POINTS)
def test_killed_over_kafka_it_ends_as_if_undisturbed(
    spine_url, undisturbed, kafka_bootstrap, kafka_context, point
):
    assert run(spine_url, kafka_context, kafka_bootstrap, crash_at=point) == -signal.SIGKILL
    assert end_state(spine_url) != undisturbed
    assert run(spine_url, kafka_context, kafka_bootstrap) == 0
    assert end_state(spine_url) == undisturbed
