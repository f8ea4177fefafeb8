"""However the work of a close is divided, and wherever it is killed, the same bytes are issued; and they are the truth.

The book is random and difficult: late facts, corrected times, price edits of the past, add-ons that hang on a base, a
tenant that is linked to another customer, imported subscriptions whose first billing day is changed. Half of the facts come after the first cycle is closed.
"""

import asyncio
import itertools
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

import csp_billing.closing
import csp_billing.settling.line_rows
from csp_billing import service
from csp_billing.closing.commands import issue_one
from csp_billing.closing.cycles import known_cycles, open_cycles
from csp_billing.closing.watermark import read_watermark
from csp_billing.domain.delta import Posting
from csp_billing.domain.lines import Line, LineKey
from csp_billing.ports import report_key
from csp_billing.projections import Inbox
from csp_billing.verifying.verify import verify
from csp_billing.verifying.verify_pool import verify_in_processes
from csp_contracts.envelope import Meta, Recorded
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceEdited, SubscriptionPriceLocked
from csp_contracts.provisioning_v1 import CustomerAdded, TenantDiscovered, TenantLinked
from csp_contracts.subscriptions_v1 import (
    BillingStartChanged,
    EffectiveTimeCorrected,
    QuantityChanged,
    SubscriptionCancelled,
    SubscriptionCreated,
    SubscriptionReactivated,
    SubscriptionSuspended,
)
from csp_runtime.database import Database, DatabaseRole, connection_info
from csp_runtime.migrate import migrate
from csp_runtime.problems import Problem

PROGRAM = Path(__file__).parent / "close_program.py"
POINTS = sorted(
    {
        point
        for module in Path(csp_billing.closing.__file__).parent.glob("*.py")
        for point in re.findall(r'crash_point\("([a-z.-]+)"\)', module.read_text())
    }
)
RESELLER = "res_north"
CUSTOMERS = 9
IMPORTED = {3, 4, 5, 8, 10, 13}
"""Of whom each was found by the first synchronisation, and is billed from another day on later; two have an add-on."""
FIRST, SECOND, THIRD = "2026-02-16", "2026-03-16", "2026-04-16"


class Writer:
    """Makes events with contiguous versions."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.versions: Counter[str] = Counter()
        self.bought: dict[str, date] = {}

    def event(self, stream: str, data: Any, effective: date, recorded: date) -> Recorded[Any]:
        self.versions[stream] += 1
        at = datetime(effective.year, effective.month, effective.day, self.random.randrange(24), tzinfo=UTC)
        known = datetime(recorded.year, recorded.month, recorded.day, 23, tzinfo=UTC)
        meta = Meta(reseller=RESELLER, partition_key=stream, effective_at=at, recorded_at=max(at, known))
        return Recorded(stream=stream, version=self.versions[stream], data=data, meta=meta)

    def customers(self) -> list[Recorded[Any]]:
        day = date(2026, 1, 1)
        found = []
        for number in range(CUSTOMERS):
            customer, tenant = f"cus_{number}", f"ten_{number}"
            found.append(
                self.event(
                    customer,
                    CustomerAdded(
                        customer_id=customer, name=f"Customer {number}", country="DE", status="active"
                    ),
                    day,
                    day,
                )
            )
            told = TenantDiscovered(
                tenant_id=tenant,
                customer_id=customer,
                microsoft_tenant_id=tenant,
                domain=f"{tenant}.onmicrosoft.com",
                company_name=tenant,
                country="DE",
            )
            found.append(self.event(tenant, told, day, day))
        return found

    def purchases(self) -> list[Recorded[Any]]:
        found: list[Recorded[Any]] = []
        for number in range(CUSTOMERS * 4):
            day = date(2026, 1, 3) + timedelta(days=self.random.randrange(40))
            found += self.purchase(number, day, base=None)
            if number % 5 == 0:
                found += self.purchase(1000 + number, day + timedelta(days=3), base=f"sub_{number}")
        return found

    def purchase(self, number: int, day: date, base: str | None) -> list[Recorded[Any]]:
        name, tenant = (
            f"sub_{number}",
            f"ten_{number % CUSTOMERS if base is None else int(base[4:]) % CUSTOMERS}",
        )
        self.bought[name] = day
        rule_set = "nce" if base else ("nce", "legacy_anniversary", "legacy_aligned")[number % 3]
        created = SubscriptionCreated(
            subscription_id=name,
            tenant_id=tenant,
            microsoft_subscription_id=name,
            commerce="nce" if rule_set == "nce" else "legacy",
            rule_set=rule_set,
            product="P1",
            product_title='Business\t"Premium"',
            term="P1M" if number % 7 == 0 and not base else "P1Y",
            charge_cycle="P1M",
            quantity=self.random.randrange(1, 30),
            status="active",
            currency="EUR" if number % 4 else "JPY",
            base_subscription_id=base,
            billing_from=date(2026, 1, 16) if number in IMPORTED else None,
        )
        found = [self.event(name, created, day, day)]
        for kind, price in ((SubscriptionPriceLocked, 31_000_000), (SubscriptionCostLocked, 25_110_000)):
            lock = kind(
                subscription_id=name,
                tenant_id=tenant,
                currency=created.currency,
                unit_price_micro=price + number * 10_000,
                price_ref="list/row/1",
                from_on=day,
                product="P1",
                product_title="Premium",
                charge_cycle="P1M",
            )
            found.append(self.event(f"spr_{name[4:]}", lock, day, day))
        return found

    def happenings(self, first: date, last: date, count: int) -> list[Recorded[Any]]:
        """Random facts recorded between two days; every other one was true earlier."""
        days = (last - first).days
        recorded_on = sorted(first + timedelta(days=self.random.randrange(days)) for _ in range(count))
        found = []
        for recorded in recorded_on:  # what a stream records is recorded in order
            name = self.random.choice(sorted(self.bought))
            if self.bought[name] >= recorded:
                continue
            late = self.random.choice((0, 0, 3, 25, 60))
            effective = max(self.bought[name] + timedelta(days=1), recorded - timedelta(days=late))
            found.append(self.happening(name, effective, max(recorded, effective)))
        return found

    def billing_starts(self, starts: list[date], recorded: date) -> list[Recorded[Any]]:
        """Imported subscriptions are billed from other days on, each at the price of its day."""
        found = []
        for number, start in zip(sorted(IMPORTED), itertools.cycle(starts)):
            whose = {"subscription_id": f"sub_{number}", "tenant_id": f"ten_{number % CUSTOMERS}"}
            moved = BillingStartChanged(**whose, billing_from=start)
            found.append(self.event(f"sub_{number}", moved, recorded, recorded))
            lock = SubscriptionPriceLocked(
                **whose,
                currency="EUR" if number % 4 else "JPY",
                unit_price_micro=29_000_000,
                price_ref="list/row/2",
                from_on=start,
                product="P1",
                product_title="Premium",
                charge_cycle="P1M",
            )
            found.append(self.event(f"spr_{number}", lock, recorded, recorded))
        return found

    def happening(self, name: str, effective: date, recorded: date) -> Recorded[Any]:
        whose = {"subscription_id": name, "tenant_id": "ten_0"}
        match self.random.randrange(10):
            case 0:
                return self.event(name, SubscriptionSuspended(**whose), effective, recorded)
            case 1:
                quantity = self.random.randrange(1, 30)
                return self.event(
                    name, SubscriptionReactivated(**whose, quantity=quantity), effective, recorded
                )
            case 2:
                return self.event(name, SubscriptionCancelled(**whose), effective, recorded)
            case 3 if self.versions[name] > 1:
                corrected = EffectiveTimeCorrected(**whose, corrected_version=self.versions[name])
                return self.event(name, corrected, effective, recorded)
            case 4:
                until = effective + timedelta(days=self.random.randrange(5, 50))
                edit = SubscriptionPriceEdited(
                    **whose,
                    currency="EUR",
                    unit_price_micro=27_000_000,
                    price_ref="edit",
                    from_on=effective,
                    until_on=until,
                )
                return self.event(f"spr_{name[4:]}", edit, recorded, recorded)
            case _:
                changed = QuantityChanged(**whose, previous=1, quantity=self.random.randrange(1, 40))
                return self.event(name, changed, effective, recorded)


async def tell(url: str, events: list[Recorded[Any]]) -> None:
    async with Database(url, service.SCHEMA, DatabaseRole.WORKER) as database, database.transaction() as tx:
        await Inbox().project(tx, events)


class Template:
    """Databases to copy: the book before and between its closes."""

    numbers = itertools.count(1)

    def __init__(self, server: str) -> None:
        self.server = server
        self.names: list[str] = []

    def copy(self, source: str) -> str:
        name = f"close_{os.getpid()}_{next(self.numbers)}"
        self.names.append(name)
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"create database {name} template {source}".encode())
        return conninfo.make_conninfo(self.server, dbname=name)

    def drop(self) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            for name in self.names:
                connection.execute(f"drop database if exists {name} with (force)".encode())


def close(url: str, moment: str, shards: int = 1, crash_at: str | None = None, at_once: int = 1_500) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CSP_CRASH")}
    if crash_at is not None:
        environment["CSP_CRASH_AT"] = crash_at
    command = [sys.executable, str(PROGRAM), url, moment, str(shards), str(at_once)]
    ran = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode in {0, -signal.SIGKILL}, ran.stderr[-3000:]
    return ran.returncode


def end_state(url: str) -> dict[str, list[Any]]:
    """Everything that must not depend on how the work was done."""
    with psycopg.connect(url) as connection:
        return {
            "lines": connection.execute(
                "select * from billing.report_lines order by dated_on, report_id, position"
            ).fetchall(),
            "positions": connection.execute(
                "select * from billing.billed_positions order by until_on, subscription_id"
            ).fetchall(),
            "reports": connection.execute(
                "select report_id, state, number, sha256, net_minor, line_count, hold_reason from billing.reports order by 1"
            ).fetchall(),
            "cycles": connection.execute(
                "select cycle_id, state, summary::text from billing.cycles order by until_on"
            ).fetchall(),
            "events": connection.execute(
                "select originator_id, originator_version, topic, state from billing.billing_events order by 1, 2"
            ).fetchall(),
        }


class Book:
    """A random book, kept as databases to copy: before its first close, and after it."""

    def __init__(self, server: str, seed: int) -> None:
        self.template = Template(server)
        writer = Writer(seed)
        beginning = [*writer.customers(), *writer.purchases()]
        self.early = [*beginning, *writer.happenings(date(2026, 1, 20), date(2026, 2, 15), 60)]
        self.later = writer.happenings(date(2026, 2, 17), date(2026, 3, 15), 60)
        linked = TenantLinked(tenant_id="ten_3", from_customer_id="cus_3", to_customer_id="cus_4")
        self.later.append(writer.event("ten_3", linked, date(2026, 3, 2), date(2026, 3, 2)))
        self.later += writer.billing_starts([date(2026, 1, 1), date(2026, 3, 1)], date(2026, 3, 15))
        self.last = writer.happenings(date(2026, 3, 17), date(2026, 4, 15), 60)
        self.last += writer.billing_starts(
            [date(2026, 2, 16), date(2026, 1, 10), date(2026, 4, 1)], date(2026, 4, 15)
        )

    def make(self) -> str:
        """A database with the book before its first close."""
        url = self.template.copy("template1")
        migrate(url, service.SCHEMA, service.PACKAGES)
        asyncio.run(tell(url, self.early))
        return url


def closed_three_times(book: Book, shards: int, **how: Any) -> str:
    url = book.make()
    close(url, FIRST, shards, **how)
    asyncio.run(tell(url, book.later))
    close(url, SECOND, shards, **how)
    asyncio.run(tell(url, book.last))
    close(url, THIRD, shards, **how)
    return url


def differences(url: str) -> list[str]:
    with psycopg.connect(
        connection_info(url, service.SCHEMA, DatabaseRole.WORKER), autocommit=True
    ) as connection:
        found = verify(connection, RESELLER)
    assert found.subscriptions > CUSTOMERS * 4
    return found.differences


@pytest.fixture(scope="module")
def book(postgres_server):
    book = Book(postgres_server, seed=11)
    yield book
    book.template.drop()


@pytest.fixture(scope="module")
def undisturbed(book):
    url = closed_three_times(book, shards=1)
    return url, end_state(url)


@pytest.fixture(scope="module")
def after_first(book):
    """The name of a database that was closed once and was told more since."""
    url = book.make()
    close(url, FIRST)
    asyncio.run(tell(url, book.later))
    return conninfo.conninfo_to_dict(url)["dbname"]


@pytest.fixture(scope="module")
def second_close(book, after_first):
    url = book.template.copy(after_first)
    close(url, SECOND)
    return end_state(url)


def test_the_book_is_difficult(undisturbed):
    _, state = undisturbed
    lines = [row[10] for row in state["lines"]]
    assert {"price_correction", "remove_quantity", "suspend", "cancel", "purchase", "renew"} <= set(lines)
    assert any(row[-1] for row in state["lines"]), "no line is late"
    assert any(row[-2] for row in state["lines"]), "no line is reversed"


def test_every_position_and_line_is_what_a_fold_from_the_first_event_gives(undisturbed):
    url, _ = undisturbed
    assert differences(url) == []


@pytest.mark.parametrize("shards", [2, 8])
def test_any_number_of_shards_gives_the_same_bytes(book, undisturbed, shards):
    _, expected = undisturbed
    assert end_state(closed_three_times(book, shards)) == expected


@pytest.mark.parametrize("at_once", [1, 3])
def test_customers_that_are_settled_in_parts_get_the_same_bytes(book, undisturbed, at_once):
    _, expected = undisturbed
    assert end_state(closed_three_times(book, shards=2, at_once=at_once)) == expected


@pytest.mark.parametrize("point", POINTS)
def test_a_close_killed_anywhere_ends_as_if_it_had_not_been(book, after_first, second_close, point):
    url = book.template.copy(after_first)

    assert close(url, SECOND, shards=3, crash_at=point) == -signal.SIGKILL
    assert close(url, SECOND, shards=3) == 0

    assert end_state(url) == second_close


def test_closing_again_writes_nothing(book, after_first, second_close):
    url = book.template.copy(after_first)
    for _ in range(3):
        close(url, SECOND)
    assert end_state(url) == second_close


@pytest.mark.parametrize("every", [1, 2])
def test_what_another_engine_closed_last_is_billed_once_all_the_same(book, undisturbed, every):
    _, expected = undisturbed
    url = book.make()
    close(url, FIRST)
    asyncio.run(tell(url, book.later))
    close(url, SECOND)
    with psycopg.connect(url, autocommit=True) as owner:  # as an older engine finds it after a roll-back
        owner.execute(
            "update billing.billed_positions set sell = overlay(sell placing '9' from 2 for 1), "
            "cost = overlay(cost placing '9' from 2 for 1) "
            "where until_on = %s and abs(hashtext(subscription_id)) %% %s = 0",
            [SECOND, every],
        )
    asyncio.run(tell(url, book.last))
    close(url, THIRD)

    state = end_state(url)
    for kind in ("lines", "reports", "cycles", "events"):
        assert state[kind] == expected[kind]


def test_a_changed_line_and_a_changed_position_are_found_by_any_number_of_processes(book, monkeypatch):
    url = closed_three_times(book, shards=1)
    with psycopg.connect(url, autocommit=True) as owner:  # a superuser: nobody else may
        owner.execute(
            "update billing.report_lines set amount_minor = amount_minor + 1 where (report_id, position) = "
            "(select report_id, position from billing.report_lines where kind = 'cycle_fee' limit 1)"
        )
        owner.execute(
            "update billing.billed_positions set sell = replace(sell, '\"P1M\"', '\"P1Y\"') where (subscription_id, until_on) = "
            "(select subscription_id, until_on from billing.billed_positions where sell like '%P1M%' "
            "order by until_on desc, subscription_id limit 1)"
        )

    found = differences(url)

    assert any("lines differ" in each for each in found)
    assert any("position" in each for each in found)

    monkeypatch.setattr("csp_billing.verifying.verify.SUBSCRIPTIONS_AT_ONCE", 10)
    told: list[tuple[int, int]] = []
    in_two = verify_in_processes(url, service.SCHEMA, RESELLER, 2, progress=lambda *of: told.append(of))
    assert in_two.differences == found
    assert len(told) > 2
    assert told[-1] == (in_two.subscriptions, in_two.subscriptions)


@pytest.mark.slow  # several books, each closed three times
@pytest.mark.parametrize("seed", range(20, 32))
def test_other_books_are_closed_truly_too(postgres_server, seed):
    book = Book(postgres_server, seed)
    try:
        assert differences(closed_three_times(book, shards=2)) == []
    finally:
        book.template.drop()


ODD = [
    "plain:1",
    "",
    "NULL",
    "null",
    'a "quoted" one',
    "back\\slash",
    "tab\tand\nline",
    "{braces}",
    "a,b",
    "\x0b\x0c\x08",
    "ü\u2028",
]


def test_lines_are_written_as_postgresql_itself_would(postgres_server):
    row = csp_billing.settling.line_rows.line_text(_odd_posting(), ODD[6], 1, 738000)
    with psycopg.connect(postgres_server) as connection:
        connection.execute("create temporary table odd (texts text[], title text)")
        connection.execute("insert into odd values (%s, %s)", [ODD, ODD[6]])
        with connection.cursor().copy("copy odd to stdout") as copy:
            written = b"".join(bytes(block) for block in copy).decode().rstrip("\n")

    fields = row.split("\t")
    assert [fields[22], fields[2]] == written.split("\t")


def _odd_posting() -> Posting:
    line = Line(
        key=LineKey(0, "fee", "cycle:0"),
        subscription="sub_a",
        product="P1",
        kind="cycle_fee",
        reason="cycle",
        posted=738000,
        start=738000,
        end=738031,
        quantity=1,
        unit_price=None,
        amount=1,
        days=31,
        of_days=31,
        discount=0,
        price_ref="",
        rule="R4.1",
        caused_by=tuple(ODD),
        reverses=None,
    )
    return Posting(line, 1, late=False)


def issue_some(url: str, moment: str) -> int:
    """Reports of some customers are issued by themselves, as a person would before the close; returns how many."""
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    meta = Meta(reseller=RESELLER, partition_key=RESELLER, effective_at=now, recorded_at=now)
    info = connection_info(url, service.SCHEMA, DatabaseRole.WORKER)
    issued = 0
    with (
        psycopg.connect(info, autocommit=True) as connection,
        psycopg.connect(info, autocommit=True) as other,
    ):
        open_cycles(connection, service.SCHEMA, RESELLER, now)
        cycle = next(each for each in known_cycles(connection, RESELLER) if each.until_on == now.date())
        for customer in ("cus_0", "cus_2", "cus_3", "cus_4"):
            for ledger, currency in (("sell", "EUR"), ("cost", "EUR"), ("sell", "JPY")):
                key = report_key(RESELLER, customer, ledger, currency, cycle.from_on, cycle.until_on)
                try:
                    with connection.transaction():
                        issue_one(
                            connection,
                            service.SCHEMA,
                            key,
                            lambda: read_watermark(other),
                            reseller=RESELLER,
                            now=now,
                            meta=meta,
                        )
                    issued += 1
                except Problem as refused:
                    assert refused.code in {"report-empty", "earlier-report-open"}  # noqa: PT017 - refusals are part of it
    return issued


def sums(url: str) -> dict[tuple[str, str], int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select subscription_id, ledger, sum(amount_minor)::bigint from billing.report_lines group by 1, 2"
        )
        return {(name, ledger): net for name, ledger, net in rows if net}


def closed_with_some_issued_before(book: Book) -> tuple[str, int]:
    """A book closed three times, some reports issued by themselves before each close, facts coming between the two."""
    url = book.make()
    issued = 0
    for moment, facts in ((FIRST, book.later), (SECOND, book.last), (THIRD, [])):
        issued += issue_some(url, moment)
        half = len(facts) // 2
        asyncio.run(tell(url, facts[:half]))
        close(url, moment, shards=2)
        asyncio.run(tell(url, facts[half:]))
    return url, issued


def test_reports_issued_by_themselves_between_facts_change_no_sum(book, undisturbed):
    whole, _ = undisturbed
    url, issued = closed_with_some_issued_before(book)

    assert issued > 12
    assert differences(url) == []
    assert sums(url) == sums(whole)


@pytest.mark.slow  # several books, each closed six times
@pytest.mark.parametrize("seed", range(40, 48))
def test_other_books_have_the_same_sums_too(postgres_server, seed):
    book = Book(postgres_server, seed)
    try:
        url, _ = closed_with_some_issued_before(book)
        assert differences(url) == []
        assert sums(url) == sums(closed_three_times(book, shards=1))
    finally:
        book.template.drop()
