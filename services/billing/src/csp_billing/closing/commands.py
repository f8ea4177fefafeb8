"""The commands of the close: begin it for a cycle, issue one report by itself, hold one that cannot be issued."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from csp_billing.adapters.ledger_reader import BUCKETS, LedgerReader, shard_of
from csp_billing.closing.cycles import Cycle, close_days, known_cycles
from csp_billing.closing.issuing import Window, alone_with, issue
from csp_billing.closing.job import CloseJob
from csp_billing.closing.progress import version_of
from csp_billing.closing.sealed import STILL_CLOSING
from csp_billing.closing.shard import close_customers
from csp_billing.closing.worker import CHANNEL
from csp_billing.domain.rules import Ledger
from csp_billing.ports import ReportKey
from csp_billing.settling.posting import LEDGERS
from csp_contracts.codec import encode_meta
from csp_contracts.envelope import Meta
from csp_runtime.problems import Problem, not_found, stale

_SUBSCRIPTIONS_A_SHARD = 2_500

Watermark = Callable[[], int]


def begin_close(
    connection: psycopg.Connection,
    cycle_id: str,
    watermark: Watermark,
    *,
    reseller: str,
    now: datetime,
    meta: Meta,
    shards: int | None = None,
    expected: int | None = None,
) -> None:
    """Freeze a cycle and lay out its shards, in the caller's transaction; nothing where that was done before.

    `shards` changes how the work is divided, never what comes of it; by default it follows the size of the book.

    With `expected` the cycle must still have that version.

    Raises `Problem`: `not-found`, `version-conflict`, `window-open`, `earlier-cycle-open`.
    """
    alone_with(connection, reseller)
    cycle = _cycle(connection, reseller, cycle_id)
    version = version_of(cycle["state"], cycle["until_on"], now.date())
    if expected is not None and expected != version:
        raise stale("cycle", version, ["status"])
    if cycle["state"] != "open":
        return
    if now.date() < cycle["until_on"]:
        raise Problem(
            "window-open", "The cycle is not over yet", extra={"dated_on": cycle["until_on"].isoformat()}
        )
    earlier = connection.execute(
        "select cycle_id, until_on from cycles where reseller_id = %s and until_on < %s and state <> 'closed' "
        "order by until_on limit 1",
        [reseller, cycle["until_on"]],
    ).fetchone()
    if earlier is not None:
        raise Problem(
            "earlier-cycle-open",
            "An earlier cycle has to be closed first",
            extra={"cycle_id": earlier[0], "dated_on": earlier[1].isoformat()},
        )
    connection.execute("select make_month(%s)", [cycle["until_on"]])
    settings = _settings(connection, reseller, now.date())
    connection.execute(
        "update cycles set state = 'closing', watermark = %s, started_at = %s, command = %s "
        "where reseller_id = %s and cycle_id = %s",
        [
            watermark(),
            now,
            Jsonb(
                {
                    "meta": encode_meta(meta).decode(),
                    "ledgers": settings.ledgers,
                    "carry_forward": settings.carry_forward,
                }
            ),
            reseller,
            cycle_id,
        ],
    )
    connection.execute(
        "with counted as materialized (select bucket, count(*) as n from subscriptions "
        "where reseller_id = %(reseller)s and not settled group by bucket), "
        "divided as materialized (select coalesce(%(of)s, "
        "least(greatest(1, div(sum(n) + %(size)s - 1, %(size)s)), %(buckets)s))::int as into_shards from counted) "
        "insert into close_shards (cycle_id, shard, of_shards, weight) "
        "select %(cycle)s, shard, into_shards, coalesce(weight, 0) "
        "from divided cross join generate_series(0, into_shards - 1) as shard left join ("
        f"select {shard_of('bucket', 'into_shards')} as shard, sum(n) as weight "
        "from counted cross join divided group by 1) as weighed using (shard)",
        {
            "cycle": cycle_id,
            "of": shards,
            "size": _SUBSCRIPTIONS_A_SHARD,
            "buckets": BUCKETS,
            "reseller": reseller,
        },
    )
    connection.execute(f"notify {CHANNEL}")


def issue_one(
    connection: psycopg.Connection,
    schema: str,
    key: ReportKey,
    watermark: Watermark,
    *,
    reseller: str,
    now: datetime,
    meta: Meta,
) -> None:
    """Issue one report by itself, in the caller's transaction; nothing where it is issued.

    Raises `Problem`: `window-open`, `cycle-closing`, `earlier-report-open`, `price-missing`, `customer-unknown`,
    `tenant-not-linked`, `report-empty`, `bounds-exceeded`.
    """
    alone_with(connection, reseller)
    state = _state(connection, reseller, key.report_id)
    if state == "issued":
        return
    if now.date() < key.until_on:
        raise _refusal("window-open", "The report's window is not over yet", key)
    cycle = next((each for each in known_cycles(connection, reseller) if each.until_on == key.until_on), None)
    if cycle is None:
        raise not_found("report")
    _not_while_closing(connection, cycle, key)
    connection.execute("select make_month(%s)", [cycle.until_on])
    job = _job_of_one(connection, cycle, watermark(), reseller=reseller, now=now)
    reader = LedgerReader(connection, reseller, job.watermark)
    sealed = close_customers(connection, job, reader, [key.customer_id], in_parts=True, only=key)
    if not sealed:
        raise _not_final(connection, key)
    window = Window(reseller, cycle.cycle_id, cycle.from_on, cycle.until_on, job.watermark, now)
    issue(connection, schema, window, sealed, replace(meta, partition_key=key.customer_id))
    connection.execute(f"notify {CHANNEL}")


def hold_one(
    connection: psycopg.Connection, key: ReportKey, *, reseller: str, actor: str, reason: str | None
) -> None:
    """Let a cycle close without a report that cannot be issued now, in a person's name.

    Raises `Problem`: `not-blocked` for a report that nothing keeps from being issued.
    """
    alone_with(connection, reseller)
    state = _state(connection, reseller, key.report_id)
    if state == "held":
        return
    if state != "blocked":
        raise _refusal("not-blocked", "Nothing keeps this report from being issued, or it is issued", key)
    connection.execute(
        "update reports set state = 'held', held_by = %s, hold_reason = hold_reason || coalesce(': ' || %s, '') "
        "where report_id = %s and reseller_id = %s",
        [actor, reason, key.report_id, reseller],
    )
    connection.execute(f"notify {CHANNEL}")


def _not_while_closing(connection: psycopg.Connection, cycle: Cycle, key: ReportKey) -> None:
    row = connection.execute(f"select {STILL_CLOSING}", [cycle.cycle_id]).fetchone()
    if row is not None and row[0]:
        raise _refusal("cycle-closing", "The report's cycle is being closed", key)


def _job_of_one(
    connection: psycopg.Connection, cycle: Cycle, watermark: int, *, reseller: str, now: datetime
) -> CloseJob:
    settings = _settings(connection, reseller, now.date())
    row = connection.execute(
        "select coalesce(max(watermark) filter (where until_on <= %s), 0), min(from_on) filter (where state <> 'closed') "
        "from cycles where reseller_id = %s",
        [cycle.from_on, reseller],
    ).fetchone()
    return CloseJob(
        cycle_id=cycle.cycle_id,
        reseller=reseller,
        from_on=cycle.from_on,
        until_on=cycle.until_on,
        watermark=watermark,
        older_than=0 if row is None else row[0],
        open_from=(None if row is None else row[1]) or cycle.from_on,
        calm_since=0,
        is_begun=True,
        close_days=close_days(connection, reseller),
        ledgers=settings.ledgers,
        carry_forward=False,
        started_at=now,
    )


class _Settings(NamedTuple):
    """A reseller's policies as they are on the day of a close (rulebook 19)."""

    ledgers: Sequence[Ledger]
    carry_forward: bool


def _settings(connection: psycopg.Connection, reseller: str, on: date) -> _Settings:
    rows = connection.execute(
        "select setting, value from reseller_settings where reseller_id = %s and effective_on <= %s "
        "and setting in ('negative_report', 'cost_ledger') order by effective_on, stream_version",
        [reseller, on],
    )
    values: dict[str, str] = dict(rows.fetchall())
    ledgers: Sequence[Ledger] = ["sell"] if values.get("cost_ledger") == "off" else list(LEDGERS)
    return _Settings(ledgers, values.get("negative_report") == "carry_forward")


def _cycle(connection: psycopg.Connection, reseller: str, cycle_id: str) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "select * from cycles where cycle_id = %s and reseller_id = %s", [cycle_id, reseller]
        ).fetchone()
    if found is None:
        raise not_found("billing cycle")
    return found


def _state(connection: psycopg.Connection, reseller: str, report_id: str) -> str | None:
    row = connection.execute(
        "select state from reports where report_id = %s and reseller_id = %s", [report_id, reseller]
    ).fetchone()
    return None if row is None else row[0]


_REFUSALS = {
    "unallocated": ("tenant-not-linked", "The tenant is not linked to a customer yet"),
    "earlier-report-open": ("earlier-report-open", "An earlier report has to be issued first"),
    "price-missing": ("price-missing", "Lines of this report wait for a price"),
    "customer-unknown": ("not-found", "The customer of this report is not known yet"),
}


def _not_final(connection: psycopg.Connection, key: ReportKey) -> Problem:
    """Why a report is not final; what `close_customers` found is rolled back with the refusal."""
    with connection.cursor(row_factory=dict_row) as cursor:
        report = cursor.execute(
            "select hold_reason, pending_count from reports where report_id = %s and reseller_id = %s",
            [key.report_id, key.reseller],
        ).fetchone()
    if report is None or report["hold_reason"] is None:
        return _refusal("report-empty", "The report has no lines", key)
    reason = report["hold_reason"]
    if reason in _REFUSALS:
        code, title = _REFUSALS[reason]
        return _refusal(code, title, key, pending_count=report["pending_count"])
    problem = _refusal(
        "bounds-exceeded", "The report is beyond the safety bounds; a person has to look at it", key
    )
    problem.detail = reason
    return problem


def _refusal(code: str, title: str, key: ReportKey, **extra: Any) -> Problem:
    about = {"report_id": key.report_id, "dated_on": key.until_on.isoformat()}
    return Problem(code, title, extra=about | extra)
