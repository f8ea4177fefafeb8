"""Matches an import with our cost ledger, customers at a time, and tells of what nobody can explain.

A match is made anew from its beginning whenever it was interrupted or something became known: what was found before is
replaced, what people decided stays with the match that it was decided of.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from csp_billing.domain.matching import Code, OurLine, Outcome, TheirRow, match
from csp_billing.invoices.candidates import cost_lines
from csp_billing.invoices.taking import CHANNEL
from csp_billing.invoices.variances import tell
from csp_commerce_rules.money import minor_digits
from csp_contracts.ids import Kind, named_id
from csp_runtime.crash_points import crash_point

SUBSCRIPTIONS_AT_ONCE = 2_000
TO_DECIDE: frozenset[Code] = frozenset(
    {"unexplained", "missing_event", "missing_charge", "unknown_subscription", "adjustment_only_on_invoice"}
)
"""What a person has to decide of before the import can be signed off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One import to match."""

    import_id: str
    reseller: str
    currency: str
    format: str
    first: date
    end: date
    today: date

    def covers(self, rule_set: str) -> bool:
        """Whether Microsoft bills such subscriptions by invoices of this form: it has two systems side by side (PC 10.1)."""
        if self.format == "usage":
            return False
        return rule_set.startswith("legacy") == (self.format == "legacy")


class Group(NamedTuple):
    """Subscriptions that are matched together, each with its customer; `covered` are those that the invoice is about."""

    owners: dict[str, str | None]
    covered: list[str]


def match_import(
    connection: psycopg.Connection, schema: str, import_id: str, reseller: str, now: Callable[[], datetime]
) -> bool:
    """Match one import; false where another process does. Safe to run again. Needs a connection in autocommit mode."""
    locked = connection.execute(
        "select pg_try_advisory_lock(hashtextextended(%s, 15))", [import_id]
    ).fetchone()
    if locked is None or not locked[0]:
        return False
    try:
        job = _job(connection, import_id, reseller, now().date())
        if job is None:
            return False
        number = 0
        for group in _begin(connection, job):
            number = _match_group(connection, job, group, number)
            crash_point("match.group-done")
        number = _match_unknown(connection, job, number)
        _finish(connection, schema, job, now())
    finally:
        connection.execute("select pg_advisory_unlock(hashtextextended(%s, 15))", [import_id])
    return True


def _job(connection: psycopg.Connection, import_id: str, reseller: str, today: date) -> Job | None:
    row = connection.execute(
        "select currency, format, from_on, until_on from invoice_imports where reseller_id = %s and import_id = %s "
        "and state = 'matching'",
        [reseller, import_id],
    ).fetchone()
    if row is None:
        return None
    return Job(
        import_id=import_id,
        reseller=reseller,
        currency=row[0],
        format=row[1],
        first=row[2],
        end=row[3],
        today=today,
    )


def _begin(connection: psycopg.Connection, job: Job) -> list[Group]:
    """Forget what was found before; the subscriptions of all customers in groups, each with its customer."""
    with connection.transaction():
        for table in ("invoice_matches", "matched_lines"):
            connection.execute(
                f"delete from {table} where reseller_id = %s and import_id = %s",
                [job.reseller, job.import_id],
            )
        rows = connection.execute(
            "select subscription_id, customer_id, rule_set from subscriptions where reseller_id = %s "
            "order by customer_id nulls last, subscription_id",
            [job.reseller],
        ).fetchall()
        groups = list(_groups(job, rows))
        connection.execute(
            "update invoice_imports set customers = %s, customers_done = 0 where reseller_id = %s and import_id = %s",
            [len({row[1] for row in rows}), job.reseller, job.import_id],
        )
    return groups


def _groups(job: Job, rows: Sequence[Any]) -> Iterator[Group]:
    """Whole customers together, about `SUBSCRIPTIONS_AT_ONCE` subscriptions at a time."""
    group = Group({}, [])
    last: str | None = None
    for name, customer, rule_set in rows:
        if len(group.owners) >= SUBSCRIPTIONS_AT_ONCE and customer != last:
            yield group
            group = Group({}, [])
        group.owners[name] = last = customer
        if job.covers(rule_set):
            group.covered.append(name)
    if group.owners:
        yield group


def _match_group(connection: psycopg.Connection, job: Job, group: Group, number: int) -> int:
    names, owners = list(group.owners), group.owners
    ours = cost_lines(
        connection,
        reseller=job.reseller,
        customers=sorted({owner for name in group.covered if (owner := owners[name]) is not None}),
        subscriptions=group.covered,
        currency=job.currency,
        first=job.first,
        end=job.end,
        today=job.today,
        taken_by_others=job.import_id,
    )
    with connection.transaction():
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(
                "select * from invoice_rows where reseller_id = %s and import_id = %s and subscription_id = any(%s) "
                "order by row_number",
                [job.reseller, job.import_id, list(names)],
            )
            theirs = [_their_row(row) for row in cursor]
        outcomes = _matched(job, ours, theirs, set(names))
        number = _write(connection, job, [(each, owners.get(each.subscription)) for each in outcomes], number)
        connection.execute(
            "update invoice_imports set customers_done = customers_done + %s where reseller_id = %s and import_id = %s",
            [len(set(owners.values())), job.reseller, job.import_id],
        )
    return number


def _match_unknown(connection: psycopg.Connection, job: Job, number: int) -> int:
    """Rows of subscriptions that we do not have, and of none; their customer is that of their tenant, if we know it."""
    rows: list[dict[str, Any]] = []
    with connection.transaction(), connection.cursor("unknown", row_factory=dict_row) as cursor:
        cursor.itersize = SUBSCRIPTIONS_AT_ONCE
        cursor.execute(
            "select r.*, t.customer_id from invoice_rows r left join tenant_customer t "
            "on t.reseller_id = r.reseller_id and t.tenant_id = r.tenant_id where r.reseller_id = %s and r.import_id = %s "
            "and not exists (select from subscriptions s where s.reseller_id = r.reseller_id "
            "and s.subscription_id = r.subscription_id) order by r.subscription_id, r.row_number",
            [job.reseller, job.import_id],
        )
        for row in cursor:
            if len(rows) >= SUBSCRIPTIONS_AT_ONCE and row["subscription_id"] != rows[-1]["subscription_id"]:
                number = _write_unknown(connection, job, rows, number)
                rows = []
            rows.append(row)
        return _write_unknown(connection, job, rows, number)


def _write_unknown(
    connection: psycopg.Connection, job: Job, rows: Sequence[dict[str, Any]], number: int
) -> int:
    owners = {str(row["row_number"]): row["customer_id"] for row in rows}
    outcomes = _matched(job, [], [_their_row(row) for row in rows], set())
    whose = [(each, owners[each.theirs[0].partition("+")[0]]) for each in outcomes]
    return _write(connection, job, whose, number)


def _matched(job: Job, ours: Sequence[OurLine], theirs: Sequence[TheirRow], known: set[str]) -> list[Outcome]:
    """The outcomes that belong to this invoice: lines of other days that have no row here belong to another one."""
    days = (job.first.toordinal(), job.end.toordinal() - 1)
    outcomes = match(ours, theirs, digits=minor_digits(job.currency), known=known, window=days)
    return [each for each in outcomes if each.theirs or each.code != "explained:timing"]


def _their_row(row: dict[str, Any]) -> TheirRow:
    return TheirRow(
        id=str(row["row_number"]),
        subscription=row["subscription_id"],
        charge_type=row["charge_type"],
        start=row["from_on"].toordinal(),
        end=row["until_on"].toordinal(),
        quantity=row["quantity"],
        amount=row["amount_minor"],
        reference=row["reference"],
        promotion=row["promotion"],
        exchanged=row["exchanged"],
    )


def _write(
    connection: psycopg.Connection,
    job: Job,
    outcomes: Sequence[tuple[Outcome, str | None]],
    number: int,
) -> int:
    """Store outcomes, each with its customer, numbered behind `number`; the last number."""
    matches: list[tuple[object, ...]] = []
    lines: list[tuple[object, ...]] = []
    for place, (outcome, customer_id) in enumerate(outcomes, start=number + 1):
        rows = sorted(int(part) for each in outcome.theirs for part in each.split("+"))
        name = f"{job.import_id}/{','.join(map(str, rows))}/{','.join(sorted(outcome.ours))}"
        matches.append(
            (
                named_id(Kind.VARIANCE, job.reseller, name),
                job.reseller,
                job.import_id,
                place,
                outcome.code,
                outcome.profile,
                outcome.subscription,
                "",
                customer_id,
                rows,
                list(outcome.ours),
                outcome.ours_amount,
                outcome.theirs_amount,
            )
        )
        if rows:
            lines += [(job.reseller, line, job.import_id, place) for line in outcome.ours]
    if matches:
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into invoice_matches (match_id, reseller_id, import_id, number, code, profile, subscription_id, "
                "subscription_ref, customer_id, row_numbers, line_ids, ours_minor, microsoft_minor) "
                "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                matches,
            )
            cursor.executemany(
                "insert into matched_lines (reseller_id, line_id, import_id, match_number) values (%s, %s, %s, %s) "
                "on conflict do nothing",
                lines,
            )
    return number + len(matches)


def _finish(connection: psycopg.Connection, schema: str, job: Job, now: datetime) -> None:
    """The match is made: what it comes to, and events for what is not explained. Other imports that waited look again."""
    with connection.transaction():
        connection.execute(
            "update invoice_matches m set subscription_ref = r.subscription_ref from invoice_rows r "
            "where m.reseller_id = %(reseller)s and m.import_id = %(import)s and r.reseller_id = m.reseller_id "
            "and r.import_id = m.import_id and r.row_number = m.row_numbers[1]",
            {"reseller": job.reseller, "import": job.import_id},
        )
        connection.execute(
            "update invoice_imports i set state = 'matched', matched_at = %(now)s, ours_minor = ("
            "select coalesce(sum(ours_minor), 0) from invoice_matches m where m.reseller_id = i.reseller_id "
            "and m.import_id = i.import_id) where i.reseller_id = %(reseller)s and i.import_id = %(import)s "
            "and i.state = 'matching'",
            {"now": now, "reseller": job.reseller, "import": job.import_id},
        )
        tell(connection, schema, job.import_id, job.reseller, job.currency, sorted(TO_DECIDE), now)
        # A line that another import misses was found here: there it is not missing any more, only in another file.
        connection.execute(
            "update invoice_imports i set state = 'matching' where i.reseller_id = %(reseller)s and i.state = 'matched' "
            "and i.import_id <> %(import)s and exists (select from invoice_matches m join matched_lines l "
            "on l.reseller_id = m.reseller_id and l.line_id = any(m.line_ids) and l.import_id = %(import)s "
            "where m.reseller_id = i.reseller_id and m.import_id = i.import_id and m.code = 'missing_charge')",
            {"reseller": job.reseller, "import": job.import_id},
        )
        connection.execute(f"notify {CHANNEL}")
        crash_point("match.finished")
