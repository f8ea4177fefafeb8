"""What the wire is told of differences: each that a person has to decide of, once, and what became of it."""

from collections.abc import Sequence
from datetime import datetime

import psycopg
from psycopg import sql

from csp_contracts.billing_v1 import VarianceFound, VarianceResolved
from csp_contracts.envelope import Meta, Recorded
from csp_runtime.bulk_append import append_in, version_of


def tell(
    connection: psycopg.Connection,
    schema: str,
    import_id: str,
    reseller: str,
    currency: str,
    codes: Sequence[str],
    now: datetime,
) -> None:
    """Append `VarianceFound` for differences that have none yet, in the caller's transaction."""
    events = sql.Identifier(schema, f"{schema}_events")
    rows = connection.execute(
        sql.SQL(
            "select m.match_id, m.subscription_id, m.code, m.ours_minor, m.microsoft_minor, m.customer_id, "
            "exists (select from subscriptions s where s.reseller_id = m.reseller_id and s.subscription_id = m.subscription_id) "
            "from invoice_matches m where m.reseller_id = %s and m.import_id = %s and m.code = any(%s) "
            "and m.ours_minor <> m.microsoft_minor "
            "and not exists (select from {} e where e.originator_id = m.match_id) order by m.number"
        ).format(events),
        [reseller, import_id, list(codes)],
    ).fetchall()
    meta = Meta(reseller=reseller, partition_key=reseller, effective_at=now, recorded_at=now)
    found: list[Recorded[object]] = [
        Recorded(
            stream=match_id,
            version=1,
            data=VarianceFound(
                variance_id=match_id,
                subscription_id=subscription if is_known else None,
                outcome=code,
                currency=currency,
                ours_minor=ours,
                microsoft_minor=theirs,
                import_id=import_id,
                customer_id=customer,
            ),
            meta=meta,
        )
        for match_id, subscription, code, ours, theirs, customer, is_known in rows
    ]
    append_in(connection, schema, found)


def resolve(
    connection: psycopg.Connection, schema: str, match_ids: Sequence[str], resolution: str, meta: Meta
) -> None:
    """Append `VarianceResolved` for differences that the wire was told of, in the caller's transaction."""
    resolved: list[Recorded[object]] = []
    for match_id in match_ids:
        version = version_of(connection, schema, match_id)
        if version:
            data = VarianceResolved(variance_id=match_id, resolution=resolution)
            resolved.append(Recorded(stream=match_id, version=version + 1, data=data, meta=meta))
    append_in(connection, schema, resolved)
