"""Up to where the log of record is frozen by a close."""

import psycopg

from csp_billing.projections import INBOX_LOCK


def read_watermark(connection: psycopg.Connection) -> int:
    """The last arrival in the log of record, with none below it that could still commit.

    The lock is given back at once: the connection must not be in a transaction.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [INBOX_LOCK])
        row = connection.execute("select coalesce(max(arrival), 0) from inbox").fetchone()
    return 0 if row is None else int(row[0])
