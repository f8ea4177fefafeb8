"""What a close and a preview read: subscriptions, positions, the log of record, and lines issued before.

Everything here is synchronous, because folding is work for a thread or a process of its own; it runs in the worker's
role, since what was issued to another customer before a link counts too. Whoever calls it has checked the scope.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import Cursor
from psycopg.rows import TupleRow, dict_row

from csp_billing.domain.lines import LineKey
from csp_billing.domain.rules import Ledger
from csp_billing.settling.line_rows import shown_of
from csp_billing.settling.positions import Position, PositionUnreadable, unpack_position
from csp_billing.settling.posting import LEDGERS, Known, Log, Subject
from csp_billing.settling.timelines import told_by
from csp_billing.settling.was_billed import Was, remember
from csp_contracts.codec import decode_event, decode_times

_SUBJECT = (
    "s.subscription_id, s.customer_id, s.product_title, s.currency, s.rule_set, s.term, s.charge_cycle, s.auto_renew, "
    "s.billing_from, s.base_subscription_id, s.predecessor_id, s.began_on, s.known_at, "
    "s.billing_start_moved"
)
_FACT = "i.subscription_id, i.arrival, i.stream, i.version, i.type, i.data, i.meta"

_ALL_OF_THEM = (
    f"select {_SUBJECT} from subscriptions s where s.reseller_id = %(reseller)s "
    "and s.customer_id = any(string_to_array(%(customers)s, chr(10))) and not s.settled"
)
_NAMED_ONES = (
    # By their names, whatever statistics say: each part of a large customer would pass all of its subscriptions.
    "select s.* from unnest(string_to_array(%(names)s, chr(10))) as known (name) cross join lateral ("
    f"select {_SUBJECT} from subscriptions s where s.reseller_id = %(reseller)s and s.subscription_id = known.name "
    "and s.customer_id = any(string_to_array(%(customers)s, chr(10))) and not s.settled offset 0) as s"
)

BUCKETS = 4096
"""Customers are hashed into so many (migration 0010); a shard is a range of them."""


def bucket_of(customer: str) -> str:
    """SQL for the bucket that the customer in a column lies in."""
    return f"abs(hashtext({customer}) %% {BUCKETS})"


def shard_of(bucket: str, of_shards: str) -> str:
    """SQL for the shard that a bucket lies in; its range is the one of `LedgerReader.customers_of`."""
    return f"(({bucket} + 1) * {of_shards} - 1) / {BUCKETS}"


Positions = dict[str, dict[Ledger, Position]]
WasBilled = dict[tuple[Ledger, str], dict[LineKey, Was]]


Standing = Sequence[Any]
"""A subscription that is not read into an object yet: its packed positions of a window (sales, cost), and from `SUBJECT` on
what `subject_of` reads."""

PACKED: Mapping[Ledger, int] = {"sell": 0, "cost": 1}
SUBJECT = 2


class Unrest(NamedTuple):
    """Which subscriptions a position alone may not tell of: they have news, or they hang on another or it on them."""

    news: Collection[str]
    tied: Collection[str]


class LedgerReader:
    """Reads of one reseller's books, up to a watermark of the log."""

    def __init__(self, connection: psycopg.Connection, reseller: str, watermark: int) -> None:
        self._connection = connection
        self._reseller = reseller
        self._watermark = watermark

    def customers_of(self, shard: int, of_shards: int) -> list[tuple[str, int]]:
        """Customers of a shard with how many subscriptions each has to settle, ordered; those who had some before, too."""
        return self._connection.execute(
            "select customer_id, sum(n)::int from ("
            "select customer_id, count(*) as n from subscriptions "
            "where reseller_id = %(reseller)s and bucket >= %(first)s and bucket < %(end)s and not settled "
            "group by customer_id union all select from_customer_id, count(*) from moved_subscriptions "
            f"where reseller_id = %(reseller)s and {bucket_of('from_customer_id')} >= %(first)s "
            f"and {bucket_of('from_customer_id')} < %(end)s group by 1"
            ") as counted group by customer_id order by customer_id",
            {
                "reseller": self._reseller,
                "first": BUCKETS * shard // of_shards,
                "end": BUCKETS * (shard + 1) // of_shards,
            },
        ).fetchall()

    def names(self, customer_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Name and status of customers; what is not told yet is missing."""
        rows = self._connection.execute(
            "select customer_id, name, status from customers where reseller_id = %s "
            "and customer_id = any(string_to_array(%s, chr(10)))",
            [self._reseller, "\n".join(customer_ids)],
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def subjects(self, customer_ids: Sequence[str], *, settled: bool = False) -> list[Subject]:
        """Subscriptions of customers, ordered by customer and id; `settled` ones are passed over unless asked for."""
        rows = self._connection.execute(
            f"select {_SUBJECT} from subscriptions s where s.reseller_id = %s and s.customer_id = any(%s) "
            "and (%s or not s.settled) order by s.customer_id, s.subscription_id",
            [self._reseller, list(customer_ids), settled],
        )
        return [subject_of(row) for row in rows]

    def subject(self, subscription_id: str) -> Subject | None:
        """One subscription; None while its start is not known, or not whose it is."""
        row = self._connection.execute(
            f"select {_SUBJECT} from subscriptions s where s.reseller_id = %s and s.subscription_id = %s "
            "and s.customer_id is not null",
            [self._reseller, subscription_id],
        ).fetchone()
        return None if row is None else subject_of(row)

    def names_of(self, customer_id: str) -> list[str]:
        """A customer's subscriptions that are not settled, ordered."""
        rows = self._connection.execute(
            "select subscription_id from subscriptions where reseller_id = %s and customer_id = %s and not settled "
            "order by subscription_id",
            [self._reseller, customer_id],
        )
        return [row[0] for row in rows]

    def names_moved_from(self, customer_id: str) -> list[str]:
        """Subscriptions that a customer had before and another has now, ordered."""
        rows = self._connection.execute(
            "select m.subscription_id from moved_subscriptions m join subscriptions s using (subscription_id) "
            "where m.reseller_id = %s and m.from_customer_id = %s and s.customer_id <> m.from_customer_id "
            "order by m.subscription_id",
            [self._reseller, customer_id],
        )
        return [row[0] for row in rows]

    def standing(
        self,
        customer_ids: Sequence[str],
        until_on: date,
        names: Sequence[str] | None = None,
    ) -> Sequence[Standing]:
        """Subscriptions of customers with their positions of the window before, of all of them or of those named."""
        return self._connection.execute(
            f"select p.sell, p.cost, s.* from ({_ALL_OF_THEM if names is None else _NAMED_ONES}) as s "
            # From the names to their positions, whatever the statistics of a young month say.
            "left join lateral (select p.sell, p.cost from billed_positions p "
            "where p.reseller_id = %(reseller)s and p.subscription_id = s.subscription_id and p.until_on = %(until)s "
            "offset 0) as p on true",
            {
                "until": until_on,
                "reseller": self._reseller,
                "customers": "\n".join(customer_ids),
                "names": None if names is None else "\n".join(names),
            },
        ).fetchall()

    def unrest(self, since: int, *, at_most: int) -> Unrest | None:
        """What is restless of the whole book; news is what arrived after `since`. None where that is more than so many."""
        news = self._connection.execute(
            "select distinct subscription_id from inbox where reseller_id = %s and arrival > %s and arrival <= %s limit %s",
            [self._reseller, since, self._watermark, at_most + 1],
            prepare=False,
        ).fetchall()
        tied = self._connection.execute(
            "select subscription_id from subscriptions where reseller_id = %(reseller)s "
            "and (base_subscription_id is not null or predecessor_id is not null) "
            "union all select base_subscription_id from subscriptions "
            "where reseller_id = %(reseller)s and base_subscription_id is not null "
            "union all select predecessor_id from subscriptions "
            "where reseller_id = %(reseller)s and predecessor_id is not null limit %(limit)s",
            {"reseller": self._reseller, "limit": at_most + 1},
            prepare=False,
        ).fetchall()
        if max(len(news), len(tied)) > at_most:
            return None
        return Unrest({row[0] for row in news}, {row[0] for row in tied})

    def unrest_of(self, names: Sequence[str], since: int) -> Unrest:
        """What is restless among some subscriptions."""
        values = {
            "reseller": self._reseller,
            "names": "\n".join(names),
            "since": since,
            "watermark": self._watermark,
        }
        news = self._connection.execute(
            "select known.name from unnest(string_to_array(%(names)s, chr(10))) as known (name) cross join lateral ("
            "select from inbox i where i.reseller_id = %(reseller)s and i.subscription_id = known.name "
            "and i.arrival > %(since)s and i.arrival <= %(watermark)s limit 1) as i",
            values,
        )
        tied = self._connection.execute(
            "with names as materialized (select string_to_array(%(names)s, chr(10)) as all) "
            "select subscription_id from subscriptions where reseller_id = %(reseller)s "
            "and subscription_id = any((select names.all from names)::text[]) "
            "and (base_subscription_id is not null or predecessor_id is not null) "
            "union all select base_subscription_id from subscriptions where reseller_id = %(reseller)s "
            "and base_subscription_id = any((select names.all from names)::text[]) "
            "union all select predecessor_id from subscriptions where reseller_id = %(reseller)s "
            "and predecessor_id = any((select names.all from names)::text[])",
            values,
        )
        return Unrest({row[0] for row in news}, {row[0] for row in tied})

    def moved_from(
        self, customer_ids: Sequence[str], names: Sequence[str] | None = None
    ) -> dict[str, list[Subject]]:
        """By customer: subscriptions it had before and another has now, all of them or those named."""
        found: dict[str, list[Subject]] = defaultdict(list)
        rows = self._connection.execute(
            f"select m.from_customer_id, {_SUBJECT} from moved_subscriptions m join subscriptions s using (subscription_id) "
            "where m.reseller_id = %s and m.from_customer_id = any(string_to_array(%s, chr(10))) "
            "and s.customer_id <> m.from_customer_id and (%s::text[] is null or m.subscription_id = any(%s)) "
            "order by s.subscription_id",
            [
                self._reseller,
                "\n".join(customer_ids),
                *(2 * [None if names is None else list(names)]),
            ],
        )
        for row in rows:
            found[row[0]].append(subject_of(row[1:]))
        return found

    def positions(
        self,
        subjects: Sequence[Subject],
        until_on: date,
        *,
        newest: bool = False,
        older_than: int,
        ledgers: Sequence[Ledger] = LEDGERS,
        standing: Sequence[Standing] | None = None,
    ) -> Positions:
        """The newest position of some ledgers up to a window's first day; with `newest` later ones count too.

        `standing` are the same subscriptions with the positions of exactly that day, where they are read already.

        Most have one of the window before. Older ones are looked for only where a subscription was known by then, so
        that new ones do not search the past: `older_than` is the watermark of the window before. Nor behind one of another
        engine's: what that window came to is issued, so that going on from an older one would bill it again.
        """
        found: Positions = {subject.subscription_id: {} for subject in subjects}
        refused: set[tuple[str, Ledger]] = set()
        if standing is None:
            rows: Iterable[Sequence[Any]] = self._connection.execute(
                "select subscription_id, sell, cost from billed_positions "
                f"where reseller_id = %s and until_on {'>=' if newest else '='} %s and subscription_id = any(%s) "
                "order by until_on",
                [self._reseller, until_on, list(found)],
            )
        else:
            rows = [(row[SUBJECT], row[PACKED["sell"]], row[PACKED["cost"]]) for row in standing]
        for name, *texts in rows:
            for ledger, text in zip(LEDGERS, texts, strict=True):
                if not _keep(found[name], ledger, text):
                    refused.add((name, ledger))
        for ledger in ledgers:
            missing = [
                subject.subscription_id
                for subject in subjects
                if ledger not in found[subject.subscription_id]
                and subject.known_at <= older_than
                and (subject.subscription_id, ledger) not in refused
            ]
            if missing:
                self._older(found, ledger, missing, until_on)
        return found

    def _older(self, found: Positions, ledger: Ledger, missing: Sequence[str], until_on: date) -> None:
        rows = self._connection.execute(
            f"select distinct on (subscription_id) subscription_id, {ledger} from billed_positions "
            f"where reseller_id = %s and subscription_id = any(%s) and until_on < %s and {ledger} is not null "
            "order by subscription_id, until_on desc",
            [self._reseller, list(missing), until_on],
        )
        for name, text in rows:
            _keep(found[name], ledger, text)

    def news(self, watermarks: dict[str, int]) -> dict[str, list[Known]]:
        """Facts that arrived after each subscription's own watermark."""
        if not watermarks:
            return {}
        rows = self._connection.execute(
            f"select {_FACT} from unnest(string_to_array(%s, chr(10)), string_to_array(%s, chr(10))::bigint[]) "
            "as known (subscription_id, watermark) "
            "join inbox i on i.reseller_id = %s and i.subscription_id = known.subscription_id "
            "and i.arrival > known.watermark and i.arrival <= %s order by i.subscription_id, i.arrival",
            [
                "\n".join(watermarks),
                "\n".join(map(str, watermarks.values())),
                self._reseller,
                self._watermark,
            ],
            binary=True,
        )
        return _by_subscription(rows)

    def history(self, names: Sequence[str]) -> dict[str, list[Known]]:
        """Everything known of subscriptions."""
        rows = self._connection.execute(
            f"select {_FACT} from inbox i where i.reseller_id = %s and i.subscription_id = any(%s) and i.arrival <= %s "
            "order by i.subscription_id, i.arrival",
            [self._reseller, list(names), self._watermark],
            binary=True,
        )
        return _by_subscription(rows)

    def log(self, names: Sequence[str], *, up_to: date | None = None) -> Log:
        """Everything known of subscriptions, with their positions, all or those up to a window's first day."""
        positions: dict[str, dict[Ledger, list[Position]]] = defaultdict(lambda: {"sell": [], "cost": []})
        rows = self._connection.execute(
            "select subscription_id, sell, cost from billed_positions "
            "where reseller_id = %s and subscription_id = any(%s) and (%s::date is null or until_on <= %s) order by until_on",
            [self._reseller, list(names), up_to, up_to],
        )
        for name, sell, cost in rows:
            kept: dict[Ledger, Position] = {}
            _keep(kept, "sell", sell)
            _keep(kept, "cost", cost)
            for ledger, position in kept.items():
                positions[name][ledger].append(position)
        return Log(self.history(names), positions)

    def families(self, names: Sequence[str]) -> dict[str, frozenset[str]]:
        """Those of the subscriptions that hang on another, or have one hang on them, each with all of its family."""
        if not names:
            return {}
        rows = self._connection.execute(
            "with recursive family (subscription_id) as ("
            "select subscription_id from subscriptions where reseller_id = %(reseller)s "
            "and subscription_id = any(%(names)s) and (base_subscription_id is not null or predecessor_id is not null) "
            "union select base_subscription_id from subscriptions "
            "where reseller_id = %(reseller)s and base_subscription_id = any(%(names)s) "
            "union select predecessor_id from subscriptions "
            "where reseller_id = %(reseller)s and predecessor_id = any(%(names)s) "
            "union select related.id from family f join subscriptions s on s.reseller_id = %(reseller)s "
            "and (s.subscription_id = f.subscription_id or s.base_subscription_id = f.subscription_id "
            "or s.predecessor_id = f.subscription_id) cross join lateral "
            "(values (s.subscription_id), (s.base_subscription_id), (s.predecessor_id)) as related (id) "
            "where related.id is not null) "
            "select s.subscription_id, s.base_subscription_id, s.predecessor_id from family "
            "join subscriptions s using (subscription_id) where s.reseller_id = %(reseller)s",
            {"reseller": self._reseller, "names": list(names)},
        )
        return _components([tuple(name for name in row if name is not None) for row in rows])

    def corrected_up_to(self, names: Sequence[str]) -> dict[str, int]:
        """Of subscriptions that moved to another customer: the newest watermark of a report that has lines of them."""
        rows = self._connection.execute(
            "select l.subscription_id, max(coalesce(r.watermark, c.watermark)) from moved_subscriptions m "
            "join report_lines l on l.reseller_id = m.reseller_id and l.subscription_id = m.subscription_id "
            "left join reports r on r.report_id = l.report_id and r.reseller_id = m.reseller_id "
            "left join cycles c on c.reseller_id = l.reseller_id and c.until_on = l.dated_on "
            "where m.reseller_id = %s and m.subscription_id = any(%s) group by 1",
            [self._reseller, list(names)],
        )
        return {row[0]: row[1] for row in rows}

    def issued(self, names: Sequence[str], *, issued_by: datetime | None = None) -> WasBilled:
        """The newest issued revision of every key of subscriptions, by ledger and subscription."""
        found: WasBilled = defaultdict(dict)
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(
                # From the names to their lines, whatever the statistics of a young month say. What is written is final.
                "select l.* from unnest(%s::text[]) as known (name) cross join lateral (select * from report_lines l "
                "where l.reseller_id = %s and l.subscription_id = known.name offset 0) as l "
                "where %s::timestamptz is null or exists (select from reports r where r.reseller_id = l.reseller_id "
                "and r.report_id = l.report_id and r.issued_at <= %s) order by l.revision, l.is_reversal",
                [list(names), self._reseller, issued_by, issued_by],
            )
            for row in cursor:
                remember(found[row["ledger"], row["subscription_id"]], shown_of(row), row["customer_id"])
        return found


def subject_of(row: Sequence[Any]) -> Subject:
    """The subscription of a row."""
    return Subject._make(row)


def _keep(positions: dict[Ledger, Position], ledger: Ledger, text: str | None) -> bool:
    """Take a newer position; false for one of another engine's, which leaves none: its subscription is folded anew (0201)."""
    if text is None:
        return True
    positions.pop(ledger, None)
    try:
        positions[ledger] = unpack_position(text)
    except PositionUnreadable:
        return False
    return True


def _by_subscription(rows: Cursor[TupleRow]) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = defaultdict(list)
    for row in rows.fetchall():
        found[row[0]].append(known_of(row))
    return found


def known_of(row: Sequence[Any]) -> Known:
    """The fact of a row of the log: subscription, arrival, stream, version, type, data, meta."""
    _, arrival, stream, version, wire_name, data, meta = row
    times = decode_times(meta)
    told = told_by(stream, version, decode_event(wire_name, data), times.effective_at, times.recorded_at)
    return Known(arrival, told)


def _components(ties: Sequence[tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Who is tied to whom, over any number of ties."""
    group: dict[str, set[str]] = {}
    for tie in ties:
        merged = set(tie).union(*(group.get(name, ()) for name in tie))
        for name in merged:
            group[name] = merged
    return {name: frozenset(members) for name, members in group.items()}
