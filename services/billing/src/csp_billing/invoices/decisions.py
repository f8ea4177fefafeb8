"""What people decide: of one difference, and that a whole import is settled or was a mistake."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from csp_billing.invoices.matcher import TO_DECIDE
from csp_billing.invoices.taking import CHANNEL
from csp_billing.invoices.variances import resolve
from csp_contracts.envelope import Meta
from csp_runtime.problems import Problem, not_found


def decide(
    connection: psycopg.Connection,
    schema: str,
    match_id: str,
    decision: str,
    *,
    note: str | None,
    adjustment_id: str | None,
    meta: Meta,
) -> None:
    """Decide of a difference in the caller's transaction; until the sign-off a later decision replaces it.

    Raises `Problem`: `not-found`, `nothing-to-decide`, `import-settled`.
    """
    match = _match(connection, meta.reseller, match_id)
    if match["state"] != "matched":
        raise _settled(match)
    if match["code"] not in TO_DECIDE:
        raise Problem("nothing-to-decide", "This difference is explained", extra={"reason": match["code"]})
    if adjustment_id is not None:
        known = connection.execute(
            "select from adjustments where reseller_id = %s and adjustment_id = %s",
            [meta.reseller, adjustment_id],
        ).fetchone()
        if known is None:
            raise not_found("adjustment")
    connection.execute(
        "insert into match_decisions (match_id, reseller_id, import_id, decision, adjustment_id, decided_at, decided_by, note) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (match_id) do update set decision = excluded.decision, "
        "adjustment_id = excluded.adjustment_id, decided_at = excluded.decided_at, decided_by = excluded.decided_by, "
        "note = excluded.note",
        [
            match_id,
            meta.reseller,
            match["import_id"],
            decision,
            adjustment_id,
            meta.recorded_at,
            meta.actor,
            note,
        ],
    )
    resolve(connection, schema, [match_id], decision, meta)


def sign_off(
    connection: psycopg.Connection,
    import_id: str,
    *,
    reseller: str,
    actor: str,
    name: str,
    note: str,
    now: datetime,
) -> None:
    """Settle an import for good in the caller's transaction; nothing where it is.

    Raises `Problem`: `not-found`, `match-running`, `import-settled`, `differences-undecided`.
    """
    row = _locked(connection, reseller, import_id)
    if row["state"] == "signed_off":
        return
    if row["state"] == "matching":
        raise Problem("match-running", "The import is still being matched", extra={"import_id": import_id})
    if row["state"] != "matched":
        raise _settled(row)
    waiting = connection.execute(
        "select count(*)::int from invoice_matches m where m.reseller_id = %s and m.import_id = %s and m.code = any(%s) "
        "and not exists (select from match_decisions d where d.match_id = m.match_id and d.reseller_id = m.reseller_id)",
        [reseller, import_id, sorted(TO_DECIDE)],
    ).fetchone()
    if waiting is not None and waiting[0]:
        raise Problem(
            "differences-undecided",
            "Differences that nobody has decided of are left",
            extra={"import_id": import_id, "undecided": waiting[0]},
        )
    connection.execute(
        "update invoice_imports set state = 'signed_off', signed_at = %s, signed_by = %s, signed_name = %s, note = %s "
        "where reseller_id = %s and import_id = %s",
        [now, actor, name, note, reseller, import_id],
    )


def discard(connection: psycopg.Connection, schema: str, import_id: str, meta: Meta) -> None:
    """Take an import back that was a mistake, in the caller's transaction; its lines can be matched again.

    Raises `Problem`: `not-found`, `match-running`, `import-settled` for one that is signed off.
    """
    row = _locked(connection, meta.reseller, import_id)
    if row["state"] == "discarded":
        return
    if row["state"] == "matching":
        raise Problem("match-running", "The import is still being matched", extra={"import_id": import_id})
    if row["state"] == "signed_off":
        raise _settled(row)
    open_ones = connection.execute(
        "select m.match_id from invoice_matches m where m.reseller_id = %s and m.import_id = %s and m.code = any(%s)",
        [meta.reseller, import_id, sorted(TO_DECIDE)],
    ).fetchall()
    resolve(connection, schema, [each[0] for each in open_ones], "discarded", meta)
    for table in ("matched_lines", "invoice_matches", "match_decisions"):
        connection.execute(
            f"delete from {table} where reseller_id = %s and import_id = %s",
            [meta.reseller, import_id],
        )
    connection.execute(
        "update invoice_imports set state = 'discarded' where reseller_id = %s and import_id = %s",
        [meta.reseller, import_id],
    )


def match_again(connection: psycopg.Connection, import_id: str, *, reseller: str) -> None:
    """Match an import once more, in the caller's transaction: facts or prices became known. Decisions stay.

    Raises `Problem`: `not-found`, `import-settled`.
    """
    row = _locked(connection, reseller, import_id)
    if row["state"] not in ("matched", "matching"):
        raise _settled(row)
    connection.execute(
        "update invoice_imports set state = 'matching', customers_done = 0 where reseller_id = %s and import_id = %s",
        [reseller, import_id],
    )
    connection.execute(f"notify {CHANNEL}")


def _match(connection: psycopg.Connection, reseller: str, match_id: str) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "select m.import_id, m.code, i.state from invoice_matches m "
            "join invoice_imports i on i.import_id = m.import_id and i.reseller_id = m.reseller_id "
            "where m.reseller_id = %s and m.match_id = %s for update of i",
            [reseller, match_id],
        ).fetchone()
    if found is None:
        raise not_found("match")
    return found


def _locked(connection: psycopg.Connection, reseller: str, import_id: str) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "select import_id, state from invoice_imports where reseller_id = %s and import_id = %s for update",
            [reseller, import_id],
        ).fetchone()
    if found is None:
        raise not_found("invoice import")
    return found


def _settled(row: dict[str, Any]) -> Problem:
    return Problem(
        "import-settled",
        "The import is not open for this any more, or not yet",
        extra={"import_id": row["import_id"], "import_status": row["state"]},
    )
