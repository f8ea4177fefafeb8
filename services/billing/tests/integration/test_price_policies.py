"""A lock inside a term takes effect as its policy says (R5.3): 10 seats for a year at 20 a month, from 20 January; 15 from 1 March."""

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from csp_contracts.pricing_v1 import SubscriptionPriceLocked
from csp_contracts.subscriptions_v1 import SubscriptionCreated

if TYPE_CHECKING:
    from conftest import Billing

PRODUCT = "CFQ7TTC0LH18:0001"


@pytest.fixture
async def annual(billing):
    await billing.has_customer("cus_a")
    created = SubscriptionCreated(
        subscription_id="sub_a",
        tenant_id="ten_a",
        microsoft_subscription_id="ms",
        commerce="nce",
        rule_set="nce",
        product=PRODUCT,
        product_title="Business Premium",
        term="P1Y",
        charge_cycle="P1M",
        quantity=10,
        status="active",
        currency="EUR",
    )
    await billing.told("sub_a", created, "2026-01-20")
    await billing.priced("sub_a", "cus_a", "2026-01-20", sell=20, cost=15)
    return billing


async def _locked(billing: "Billing", policy: str | None, *, on: str = "2026-03-01", euros: int = 15) -> None:
    lock = SubscriptionPriceLocked(
        subscription_id="sub_a",
        tenant_id="ten_a",
        currency="EUR",
        unit_price_micro=euros * 1_000_000,
        price_ref="list/row/2",
        from_on=date.fromisoformat(on),
        product=PRODUCT,
        product_title="Business Premium",
        charge_cycle="P1M",
        policy=policy,
    )
    await billing.told("spr_a", lock, on)


async def _lines(billing: "Billing", dated_on: str, ledger: str = "sell") -> list[tuple[str, str, str]]:
    report = await billing.report(dated_on, ledger=ledger)
    return [
        (line["period"]["from"], line["kind"], line["amount"]["amount"])
        for line in await billing.lines(report["id"])
    ]


async def test_at_the_next_cycle_the_running_one_stays_and_the_next_has_the_new_price(annual):
    await _locked(annual, "at_next_cycle")
    assert await _lines(annual, "2026-03-16") == [("2026-02-20", "cycle_fee", "200.00")]
    assert await _lines(annual, "2026-04-16") == [("2026-03-20", "cycle_fee", "150.00")]
    assert await _lines(annual, "2026-05-16") == [("2026-04-20", "cycle_fee", "150.00")]


async def test_a_cycle_that_starts_on_the_very_day_has_the_new_price(annual):
    await _locked(annual, "at_next_cycle", on="2026-03-20")
    assert await _lines(annual, "2026-04-16") == [("2026-03-20", "cycle_fee", "150.00")]


async def test_immediately_the_running_cycle_is_split_on_the_day(annual):
    """20 February to 20 March has 28 days; 19 are left on 1 March: -200 x 19/28 = -135.71, +150 x 19/28 = 101.79."""
    await _locked(annual, "immediate_prorated")
    assert await _lines(annual, "2026-03-16") == [
        ("2026-02-20", "cycle_fee", "200.00"),
        ("2026-03-01", "refund", "-135.71"),
        ("2026-03-01", "pro_rata", "101.79"),
    ]
    assert await _lines(annual, "2026-04-16") == [("2026-03-20", "cycle_fee", "150.00")]


async def test_without_a_policy_a_lock_waits_for_the_renewal(annual):
    await _locked(annual, None)
    assert await _lines(annual, "2026-04-16") == [("2026-03-20", "cycle_fee", "200.00")]


async def test_seats_added_before_the_next_cycle_cost_the_locked_price(annual):
    """10 seats more on 6 March for 14 of 28 days: 10 x 20 / 2; the whole cycle is refunded and charged anew."""
    await _locked(annual, "at_next_cycle")
    await annual.changed("sub_a", "cus_a", "2026-03-06", 20, recorded="2026-03-06")
    lines = await _lines(annual, "2026-03-16")
    assert sum(float(amount) for _, _, amount in lines) == 300.0
    assert await _lines(annual, "2026-04-16") == [("2026-03-20", "cycle_fee", "300.00")]


async def test_cost_does_not_move(annual):
    await _locked(annual, "immediate_prorated")
    assert await _lines(annual, "2026-03-16", "cost") == [("2026-02-20", "cycle_fee", "150.00")]


@pytest.mark.parametrize("policy", ["at_next_cycle", "immediate_prorated"])
async def test_it_does_not_matter_whether_a_report_was_issued_meanwhile(annual, policy):
    """The close goes on from a position; the price that waits is in it."""
    whole: list[Any] = []
    for dated_on in ("2026-02-16", "2026-03-16"):
        annual.clock.move_to(annual.clock.now().replace(month=int(dated_on[5:7]), day=16))
        if dated_on == "2026-03-16":
            await _locked(annual, policy)
        report = await annual.report(dated_on)
        assert (await annual.issue(report["id"], dated_on)).status_code == 200
    whole = await _lines(annual, "2026-04-16")
    assert whole == [("2026-03-20", "cycle_fee", "150.00")]
