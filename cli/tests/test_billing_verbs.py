"""`csp billing`: an operator lists, closes and verifies without a token."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from csp_billing import service
from csp_billing.projections import Inbox
from csp_cli.billing import app
from csp_contracts.envelope import Meta, Recorded
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceLocked
from csp_contracts.provisioning_v1 import CustomerAdded, TenantDiscovered
from csp_contracts.subscriptions_v1 import SubscriptionCreated
from csp_runtime.database import Database, DatabaseRole
from csp_testing.postgres import database_with

BOUGHT = date(2026, 1, 20)
WHO = ["--reseller", "res_north", "--now", "2026-02-16T09:00:00"]


def _event(stream: str, version: int, data: object) -> Recorded:
    moment = datetime(2026, 1, 20, 9, tzinfo=UTC)
    meta = Meta(reseller="res_north", partition_key=stream, effective_at=moment, recorded_at=moment)
    return Recorded(stream=stream, version=version, data=data, meta=meta)


database_url = database_with((service.SCHEMA, service.PACKAGES))


@pytest.fixture
def csp(database_url):
    """Runs `csp billing …` over a book of one subscription; `price` False leaves its price out."""

    async def told(events: list[Recorded]) -> None:
        async with (
            Database(database_url, service.SCHEMA, DatabaseRole.WORKER) as database,
            database.transaction() as tx,
        ):
            await Inbox().project(tx, events)

    def run(*arguments: str):
        return CliRunner().invoke(app, [*arguments, "--database-url", database_url])

    run.told = told
    asyncio.run(told(_book()))
    return run


def _book() -> list[Recorded]:
    tenant = TenantDiscovered(
        tenant_id="ten_a",
        customer_id="cus_a",
        microsoft_tenant_id="ms",
        domain="a.onmicrosoft.com",
        company_name="A",
        country="DE",
    )
    created = SubscriptionCreated(
        subscription_id="sub_a",
        tenant_id="ten_a",
        microsoft_subscription_id="ms",
        commerce="nce",
        rule_set="nce",
        product="P1",
        product_title="Premium",
        term="P1Y",
        charge_cycle="P1M",
        quantity=3,
        status="active",
        currency="EUR",
    )
    added = CustomerAdded(customer_id="cus_a", name="Tailspin", country="DE", status="active")
    return [_event("cus_a", 1, added), _event("ten_a", 1, tenant), _event("sub_a", 1, created)]


def _prices() -> list[Recorded]:
    return [
        _event(
            "spr_a",
            version,
            kind(
                subscription_id="sub_a",
                tenant_id="ten_a",
                currency="EUR",
                unit_price_micro=10_000_000,
                price_ref="r",
                from_on=BOUGHT,
                product="P1",
                product_title="Premium",
                charge_cycle="P1M",
            ),
        )
        for version, kind in enumerate((SubscriptionPriceLocked, SubscriptionCostLocked), start=1)
    ]


def _cycle(csp) -> str:
    shown = csp("cycles", *WHO)
    assert shown.exit_code == 0, shown.output
    return next(line.split()[0] for line in shown.output.splitlines() if "ended" in line or "closing" in line)


def test_a_cycle_is_listed_closed_and_verified(csp):
    asyncio.run(csp.told(_prices()))

    closed = csp("close", _cycle(csp), *WHO, "--processes", "0")
    again = csp("close", closed_id := _closed(csp), *WHO)
    verified = csp("verify", "--reseller", "res_north")

    assert closed.exit_code == 0, closed.output
    assert "2 reports issued" in closed.output
    assert "0 reports issued" in again.output, closed_id
    assert (verified.exit_code, "1 subscriptions folded" in verified.output) == (0, True)


def test_the_next_cycle_due_of_the_only_reseller_is_closed_where_neither_is_named(csp):
    asyncio.run(csp.told(_prices()))
    due = _cycle(csp)

    closed = csp("close", *WHO[2:], "--processes", "0")
    nothing = csp("close", *WHO[2:])

    assert (closed.exit_code, closed.output.split()[0]) == (0, due)
    assert (nothing.exit_code, "no cycle is over" in nothing.output) == (2, True)


def test_the_next_cycle_due_is_the_earliest_however_many_are_due(csp):
    asyncio.run(csp.told(_prices()))

    closed = csp("close", "--reseller", "res_north", "--now", "2031-02-16T09:00:00", "--processes", "0")

    assert closed.exit_code == 0, closed.output
    assert closed.output.splitlines()[0].endswith("2026-01-16 to 2026-02-16")


def test_where_there_are_several_resellers_one_is_to_be_named(csp):
    other = CustomerAdded(customer_id="cus_b", name="B", country="DE", status="active")
    meta = Meta(
        reseller="res_south",
        partition_key="cus_b",
        effective_at=datetime(2026, 1, 20, 9, tzinfo=UTC),
        recorded_at=datetime(2026, 1, 20, 9, tzinfo=UTC),
    )
    asyncio.run(csp.told([Recorded(stream="cus_b", version=1, data=other, meta=meta)]))

    refused = csp("cycles", *WHO[2:])

    assert refused.exit_code == 2
    assert "res_north, res_south" in refused.output


def test_what_waits_is_shown_and_the_exit_status_says_so(csp):
    waiting = csp("close", _cycle(csp), *WHO, "--processes", "0")

    assert waiting.exit_code == 1
    assert "blocked: price-missing" in waiting.output
    assert "blocked: price-missing" in csp("cycles", *WHO).output


def test_a_cycle_that_is_not_over_is_refused(csp):
    open_yet = next(line.split()[0] for line in csp("cycles", *WHO).output.splitlines() if " open" in line)

    refused = csp("close", open_yet, *WHO)

    assert (refused.exit_code, "not over yet" in refused.output) == (2, True)


def _closed(csp) -> str:
    return next(line.split()[0] for line in csp("cycles", *WHO).output.splitlines() if "closed" in line)


def test_match_names_each_difference_and_refuses_what_does_not_add_up(csp, tmp_path):
    file = tmp_path / "invoice.csv"
    file.write_text(
        "SubscriptionId,ChargeType,ChargeStartDate,ChargeEndDate,Quantity,Subtotal,Currency,CustomerId\n"
        "9d7d1f3d-c8de-461c-db6d-91debd5129f0,new,2026-01-20,2026-02-19,3,45.00,EUR,x\n"
    )

    refused = csp("match", str(file), "--total", "46.00", *WHO)
    matched = csp("match", str(file), "--total", "45.00", *WHO)
    again = csp("match", str(file), *WHO)

    assert (refused.exit_code, matched.exit_code, again.exit_code) == (2, 1, 1)
    assert "adds up to 45.00" in refused.output
    assert "unknown_subscription" in matched.output
    assert "was taken before" in again.output
