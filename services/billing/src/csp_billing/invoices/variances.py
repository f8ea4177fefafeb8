"""What the wire is told of differences: each that a person has to decide of, once, and what became of it."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

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
    """Append `VarianceFound` for differences that have none yet, and `VarianceResolved` for those that are gone.

    In the caller's transaction, once the match is made.
    """
    rows = connection.execute(
        "insert into variances_told (match_id, reseller_id, import_id) "
        "select m.match_id, m.reseller_id, m.import_id from invoice_matches m where m.reseller_id = %s and m.import_id = %s "
        "and m.code = any(%s) and m.ours_minor <> m.microsoft_minor order by m.number "
        "on conflict (match_id) do nothing returning match_id",
        [reseller, import_id, list(codes)],
    ).fetchall()
    rows = connection.execute(
        "select m.match_id, m.subscription_id, m.code, m.ours_minor, m.microsoft_minor, m.customer_id, "
        "exists (select from subscriptions s where s.reseller_id = m.reseller_id and s.subscription_id = m.subscription_id) "
        "from invoice_matches m where m.reseller_id = %s and m.import_id = %s and m.match_id = any(%s) order by m.number",
        [reseller, import_id, [row[0] for row in rows]],
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
    gone = connection.execute(
        "select t.match_id from variances_told t where t.reseller_id = %s and t.import_id = %s and t.resolution is null "
        "and not exists (select from invoice_matches m where m.reseller_id = t.reseller_id and m.import_id = t.import_id "
        "and m.match_id = t.match_id) order by t.match_id",
        [reseller, import_id],
    ).fetchall()
    resolve(connection, schema, [row[0] for row in gone], "explained", meta)


def resolve(
    connection: psycopg.Connection, schema: str, match_ids: Sequence[str], resolution: str, meta: Meta
) -> None:
    """Append `VarianceResolved` for differences that the wire was told of, in the caller's transaction."""
    told = connection.execute(
        "update variances_told set resolution = %s where reseller_id = %s and match_id = any(%s) returning match_id",
        [resolution, meta.reseller, list(match_ids)],
    ).fetchall()
    resolved: list[Recorded[object]] = []
    for match_id in sorted(row[0] for row in told):
        version = version_of(connection, schema, match_id) + 1
        data = VarianceResolved(variance_id=match_id, resolution=resolution)
        resolved.append(Recorded(stream=match_id, version=version, data=data, meta=meta))
    append_in(connection, schema, resolved)
