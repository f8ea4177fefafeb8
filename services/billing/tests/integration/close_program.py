"""Closes every cycle that is over, in a process that a test may kill; what it left undone the next run does."""

import sys
from datetime import UTC, datetime

import psycopg

from csp_billing.closing import parts
from csp_billing.closing.commands import begin_close
from csp_billing.closing.cycles import open_cycles
from csp_billing.closing.issuing import finish, issue_written
from csp_billing.closing.pool import work
from csp_contracts import event_types as _registers_all_types  # noqa: F401
from csp_contracts.envelope import Meta
from csp_runtime.database import DatabaseRole, connection_info

RESELLER, SCHEMA = "res_north", "billing"


def main(url: str, moment: str, shards: int) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    meta = Meta(reseller=RESELLER, partition_key=RESELLER, effective_at=now, recorded_at=now)
    with psycopg.connect(connection_info(url, SCHEMA, DatabaseRole.WORKER), autocommit=True) as connection:
        open_cycles(connection, SCHEMA, RESELLER, now)
        over = connection.execute(
            "select cycle_id from cycles where until_on <= %s and state <> 'closed' order by until_on",
            [now.date()],
        ).fetchall()
        for (cycle_id,) in over:
            with connection.transaction():
                begin_close(
                    connection,
                    cycle_id,
                    lambda: watermark(url),
                    reseller=RESELLER,
                    now=now,
                    meta=meta,
                    shards=shards,
                )
            work(url, SCHEMA, cycle_id)
            issue_written(connection, SCHEMA, cycle_id)
            if not finish(connection, SCHEMA, cycle_id, now):
                sys.exit(f"{cycle_id} is not closed")


def watermark(url: str) -> int:
    with psycopg.connect(connection_info(url, SCHEMA, DatabaseRole.WORKER)) as connection:
        row = connection.execute("select max(arrival) from inbox").fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    parts.SUBSCRIPTIONS_AT_ONCE = int(sys.argv[4])
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
