"""What an operator does about a record that held its stream up, and about a topic that was made anew."""

import psycopg
import pytest
from psycopg.rows import dict_row
from typer.testing import CliRunner

from csp_cli import dead_letters, feed
from csp_gateway.service import PACKAGES, SCHEMA
from csp_runtime.database import DatabaseRole, connection_info
from csp_testing.postgres import database_with

LETTER = (
    "insert into dead_letters (consumer, source, source_offset, stream, version, type, code, detail) "
    "values ('gateway.screens', 'subscriptions', 7, %s, 2, 't', 'c', 'd') returning id"
)


database_url = database_with((SCHEMA, PACKAGES))


@pytest.fixture
def gateway(database_url):
    """The gateway's schema, as its worker sees it."""
    with psycopg.connect(
        connection_info(database_url, SCHEMA, DatabaseRole.WORKER), row_factory=dict_row, autocommit=True
    ) as connection:
        yield connection


def csp(app, database_url, *arguments):
    return CliRunner().invoke(app, [*arguments, "--service", "gateway", "--database-url", database_url])


def parked(connection):
    return {row["stream"]: row["reason"] for row in connection.execute("select * from parked_streams")}


def letter_of(connection, stream, *, is_parked):
    row = connection.execute(LETTER, [stream]).fetchone()
    if is_parked:
        connection.execute(
            "insert into parked_streams values ('gateway.screens', %s, 'subscriptions', 'rule')", [stream]
        )
    return str(row["id"])


def test_a_retry_asks_the_running_consumer_at_once(gateway, database_url):
    letter = letter_of(gateway, "sub_a", is_parked=True)
    gateway.execute('listen "csp_consumer_gateway.screens"')
    done = csp(dead_letters.app, database_url, "retry", letter)
    assert done.exit_code == 0, done.output
    assert parked(gateway) == {"sub_a": "retry"}
    assert [note.channel for note in gateway.notifies(timeout=5, stop_after=1)] == [
        "csp_consumer_gateway.screens"
    ]


def test_a_record_that_held_nothing_up_cannot_be_retried_but_forgotten(gateway, database_url):
    letter = letter_of(gateway, "", is_parked=False)
    refused = csp(dead_letters.app, database_url, "retry", letter)
    assert refused.exit_code == 1
    assert "the others went on" in refused.output
    assert csp(dead_letters.app, database_url, "drop", letter).exit_code == 0
    assert "no dead letters" in csp(dead_letters.app, database_url, "list").output


def test_who_gives_a_record_up_lets_its_stream_go_on_behind_it(gateway, database_url):
    letter = letter_of(gateway, "sub_a", is_parked=True)
    assert csp(dead_letters.app, database_url, "drop", letter).exit_code == 0
    known = gateway.execute("select version from known_versions where stream = 'sub_a'").fetchone()
    assert (known["version"], parked(gateway)) == (2, {"sub_a": "retry"})


def test_positions_are_shown_and_set_back_by_context(gateway, database_url):
    gateway.execute(
        "insert into positions values ('gateway.screens', 'csp.billing/3', 8), ('gateway.screens', 'csp.pricing/3', 9)"
    )
    assert "reads csp.billing/3 from 8" in csp(feed.app, database_url, "status").output
    assert csp(feed.app, database_url, "rewind", "gateway.screens", "--context", "billing").exit_code == 0
    left = [row["source"] for row in gateway.execute("select source from positions")]
    assert left == ["csp.pricing/3"]
    assert csp(feed.app, database_url, "rewind", "nobody").exit_code == 1


def test_a_log_is_published_again_only_where_it_was_published(gateway, database_url):
    assert csp(feed.app, database_url, "republish").exit_code == 1
    gateway.execute("insert into relay_position values ('gateway', 12)")
    assert csp(feed.app, database_url, "republish").exit_code == 0
    row = gateway.execute("select notification_id from relay_position").fetchone()
    assert row["notification_id"] == 0
