"""Daily upkeep of a synchronised book of which half a percent changed: calls for the activity log and the reads of what it names ÷
calls of a full synchronisation. Directory delta and full comparison are counted apart. Virtual time, as in `bench.first_sync`."""

import argparse
import asyncio
import random
import sys
from functools import partial
from pathlib import Path

from bench._book import Book, Feed, Limited, book, feed, virtual_database
from bench._report import Figure, report
from bench._spine import postgres
from bench._virtual import VirtualLoop
from csp_partner_feed.settings import PartnerFeedSettings
from csp_runtime.logs import configure_logs
from csp_runtime.secret_box import new_key

_UNLIMITED = 1_000_000
_CHANGED = 0.005
_DAY = 86_400.0


def main() -> None:
    """Measure, check, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=5_000, help="default: %(default)s")
    parser.add_argument("--subscriptions", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    configure_logs(json=False, level="error")
    with book(given.customers, given.subscriptions) as at, postgres() as server:
        url = virtual_database(server, "upkeep")
        with asyncio.Runner(loop_factory=partial(VirtualLoop, at.now)) as runner:
            figures = runner.run(_measured(url, at, given))
    report(figures, given.json)


async def _measured(url: str, at: Book, given: argparse.Namespace) -> list[Figure]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    limited = Limited(loop, _UNLIMITED, 0.0)
    settings = PartnerFeedSettings(registers_webhook=False, delta_poll_seconds=_DAY, comparison_days=30)
    async with feed(url, at, limited, settings, new_key()) as kept:
        await kept.worker("audit").step()  # what happens from now on is told by the log
        limited.answered.clear()
        await _synchronise(kept, given.customers)
        full, graph = limited.answered.total(), limited.graph
        at.control("POST", "/clock/advance", {"by": "PT12H"})
        await kept.clock.sleep(_DAY / 2 + 1)
        wanted = await _change(kept, at, given.subscriptions)
        limited.answered.clear()
        await kept.worker("audit").step()
        while await kept.worker("reader-0").step():
            pass
        upkeep = limited.answered.total()
        await _check(kept, wanted)
        await kept.clock.sleep(_DAY)
        limited.answered.clear()
        limited.graph = 0
        while await kept.worker("directory").step():
            pass
        print(
            f"apart: {limited.graph:,} calls of a round of directory delta (the first took {graph:,}); a full comparison every "
            f"{settings.comparison_days:g} days is {full / settings.comparison_days:,.0f} calls a day"
        )
    return [
        Figure(
            name=f"{len(wanted)} changes",
            figure=upkeep,
            limit=full,
            limit_name="calls of a full synchronisation",
            unit="calls",
            aim="≤ 0.05",
        )
    ]


async def _synchronise(kept: Feed, customers: int) -> None:
    async with kept.running("lister", "synchroniser", "directory", "reader"):
        while True:
            done = await kept.value(
                "select count(*) from tenants where not is_first_pending and sealed_delta_link is not null"
            )
            waiting = await kept.value("select count(*) from reads")
            if done >= customers and not waiting:
                return
            await kept.clock.sleep(1.0)


async def _change(kept: Feed, at: Book, subscriptions: int) -> dict[str, int]:
    """Half a percent of the subscriptions get a seat more in Microsoft's portal; Microsoft's id to what it should be."""
    wanted: dict[str, int] = {}
    partner = at.control("GET", "/partners")[0]["tenant_id"]
    async with kept.database.connection() as connection:
        rows = await (
            await connection.execute(
                """
                select microsoft_tenant_id, microsoft_id, (state ->> 'quantity')::int as quantity from resources
                where resource = 'subscription' and state ->> 'status' = 'active' order by microsoft_id
                """
            )
        ).fetchall()
    random.Random(1).shuffle(rows)
    for row in rows[: max(1, round(subscriptions * _CHANGED))]:
        act = {
            "as": "portal_user",
            "tenant_id": partner,
            "action": "change_quantity",
            "customer_id": row["microsoft_tenant_id"],
            "subscription_id": row["microsoft_id"],
            "quantity": row["quantity"] + 1,
        }
        at.control("POST", "/act", act)
        wanted[row["microsoft_id"]] = row["quantity"] + 1
    return wanted


async def _check(kept: Feed, wanted: dict[str, int]) -> None:
    """Every change arrived, and nothing else was told."""
    async with kept.database.connection() as connection:
        rows = await (
            await connection.execute(
                "select microsoft_id, (state ->> 'quantity')::int as quantity from resources where microsoft_id = any(%s)",
                [list(wanted)],
            )
        ).fetchall()
    if {row["microsoft_id"]: row["quantity"] for row in rows} != wanted:
        sys.exit("not every change arrived")


if __name__ == "__main__":
    main()
