"""First synchronisation of an existing book: elapsed ÷ the least time that the allowed rate permits, in virtual time.

Microsoft is the simulator in a process of its own, behind a limit of calls a minute and a latency; feed, client, call budget and
PostgreSQL are real. Only waiting is virtual: the clock stands while anything is computed or stored, so an hour at 300 calls a
minute takes as long as the work does. One of the runs is interrupted in the middle and taken up by another instance.
"""

import argparse
import asyncio
import resource
import sys
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

from bench._book import Book, Feed, Limited, book, feed, virtual_database
from bench._report import Figure, report
from bench._spine import postgres
from bench._virtual import VirtualLoop
from csp_partner_feed.service import SCHEMA
from csp_partner_feed.settings import PartnerFeedSettings
from csp_runtime.logs import configure_logs
from csp_runtime.secret_box import new_key

_DAY = 86_400.0
_WORKERS = ("lister", "synchroniser", "directory", "reader")


def main() -> None:
    """Measure, check, report."""
    given = _arguments()
    figures: list[Figure] = []
    with book(given.customers, given.subscriptions) as at, postgres() as server:
        for rate in given.rates:
            url = virtual_database(server, f"rate_{rate}")
            with asyncio.Runner(loop_factory=partial(VirtualLoop, at.now)) as runner:
                figures += runner.run(_measured(url, at, rate, given))
    report(figures, given.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=5_000, help="default: %(default)s")
    parser.add_argument("--subscriptions", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument(
        "--rates",
        type=int,
        nargs="+",
        default=[300, 600, 1_500, 3_000],
        help="calls a minute that Microsoft allows (default: %(default)s)",
    )
    parser.add_argument(
        "--interrupt",
        type=int,
        default=1_500,
        help="the rate whose run is interrupted (default: %(default)s)",
    )
    parser.add_argument("--latency", type=float, default=0.3, help="mean seconds of an answer (default: 0.3)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    configure_logs(json=False, level="error")
    return given


async def _measured(url: str, at: Book, rate: int, given: argparse.Namespace) -> list[Figure]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    limited, key = Limited(loop, rate, given.latency), new_key()
    settings = PartnerFeedSettings(registers_webhook=False, delta_poll_seconds=_DAY, comparison_days=30)
    begin = loop.time()
    if rate == given.interrupt:
        async with feed(url, at, limited, settings, key) as first, first.running(*_WORKERS):
            await _until(first, done=given.customers // 2)
    async with feed(url, at, limited, settings, key) as second:
        async with second.running(*_WORKERS):
            await _until(second, done=given.customers)
        elapsed = loop.time() - begin
        await _check(second, at)
    useful, calls = len(limited.answered), limited.answered.total() + limited.throttled
    print(
        f"{rate} a minute: {calls:,} Partner Center calls in {elapsed / 60:.1f} virtual minutes, {limited.throttled} answered 429, "
        f"{calls - limited.throttled - useful} repeated; {limited.graph:,} Graph calls; "
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
    )
    figures = [
        Figure(
            name=f"sync at {rate}/min",
            figure=elapsed,
            limit=useful / rate * 60,
            limit_name="needed calls ÷ allowed rate",
            unit="s",
            aim="≤ 1.10",
        ),
        Figure(
            name=f"429 at {rate}/min",
            figure=limited.throttled,
            limit=calls,
            limit_name="all calls",
            unit="calls",
            aim="≤ .005",
        ),
    ]
    if rate == given.interrupt:
        figures.append(
            Figure(
                name="repeated",
                figure=calls - limited.throttled - useful,
                limit=useful,
                limit_name="needed calls; interrupted in the middle",
                unit="calls",
                aim="≤ 0.01",
            )
        )
    return figures


async def _until(running: Feed, *, done: int) -> None:
    """Wait until so many customers are read, with their users where it is all of them."""
    while True:
        read = await running.value("select count(*) from tenants where not is_first_pending")
        followed = await running.value("select count(*) from tenants where sealed_delta_link is not null")
        if read >= done and (
            followed >= done or not await running.value("select finished_at from first_syncs")
        ):
            return
        await running.clock.sleep(1.0)


async def _check(done: Feed, at: Book) -> None:
    """What was taken down is what the book holds; each resource was told once; no channel has a fault."""
    wanted: dict[str, Counter[tuple[str, int]]] = {
        each["key"]: Counter() for each in at.facts if each["kind"] == "customer"
    }
    for each in at.facts:
        if each["kind"] == "subscription":
            wanted[each["customer"]][each["item"].lower(), each["quantity"]] += 1
    domains = {each["domain"].lower(): each["key"] for each in at.facts if each["kind"] == "customer"}
    found: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    kinds: Counter[str] = Counter()
    async with done.database.connection() as connection:
        rows = await connection.execute(
            """
            select t.domain, r.resource, r.state ->> 'product' as product, (r.state ->> 'quantity')::int as quantity
            from resources r join tenants t using (reseller_id, microsoft_tenant_id)
            """
        )
        async for row in rows:
            kinds[row["resource"]] += 1
            if row["resource"] == "subscription":
                found[domains[row["domain"].lower()]][row["product"].lower(), row["quantity"]] += 1
        faults = await (
            await connection.execute("select channel, fault from freshness where fault is not null limit 5")
        ).fetchall()
    events = await done.value(f"select count(*) from {SCHEMA}_events")
    if faults:
        sys.exit(f"channels failed: {faults}")
    if {key: value for key, value in wanted.items() if value} != dict(found):
        sys.exit("what was synchronised is not what the book holds")
    users = sum(each["kind"] == "user" for each in at.facts)
    if kinds["tenant"] != len(wanted) or kinds["licences"] != len(wanted) or kinds["user"] < users:
        sys.exit(f"not everything was synchronised: {kinds}")
    if events != kinds.total():
        sys.exit(f"{events} events for {kinds.total()} resources")


if __name__ == "__main__":
    main()
