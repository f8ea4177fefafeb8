"""The sales price on the screen: the lock in force, and an edit without an end over it, whether the subscription is known before or after."""

from datetime import UTC, date, datetime

import pytest

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.pricing_v1 import SubscriptionPriceEdited, SubscriptionPriceLocked
from csp_contracts.subscriptions_v1 import SubscriptionCreated
from csp_gateway.projections import Screens

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
META = Meta(reseller="res_a", partition_key="ten_a", effective_at=NOW, recorded_at=NOW)
CREATED = Recorded(
    stream="sub_a",
    version=1,
    data=SubscriptionCreated(
        subscription_id="sub_a",
        tenant_id="ten_a",
        microsoft_subscription_id="ms",
        commerce="nce",
        rule_set="nce",
        product="P:1",
        product_title="Premium",
        term="P1Y",
        charge_cycle="P1M",
        quantity=10,
        status="active",
        currency="EUR",
    ),
    meta=META,
)


def locked(version, price, from_on="2026-03-01", *, at_takeover=False):
    lock = SubscriptionPriceLocked(
        subscription_id="sub_a",
        tenant_id="ten_a",
        currency="EUR",
        unit_price_micro=price,
        price_ref="l/r/1",
        from_on=date.fromisoformat(from_on),
        product="P:1",
        product_title="Premium",
        charge_cycle="P1M",
        at_takeover=at_takeover,
    )
    return Recorded(stream="spr_a", version=version, data=lock, meta=META)


def edited(version, price, until=None, from_on="2026-03-01"):
    edit = SubscriptionPriceEdited(
        subscription_id="sub_a",
        tenant_id="ten_a",
        currency="EUR",
        unit_price_micro=price,
        price_ref="e",
        from_on=date.fromisoformat(from_on),
        until_on=until,
    )
    return Recorded(stream="spr_a", version=version, data=edit, meta=META)


@pytest.mark.parametrize("comes_first", [True, False])
@pytest.mark.parametrize(
    ("prices", "shown"),
    [
        ([locked(1, 20)], 20),
        ([locked(1, 20), locked(2, 24)], 24),
        # Renewed, then billed from an earlier day: that day's price is not the one in force.
        (
            [
                locked(1, 20, at_takeover=True),
                locked(2, 24, "2026-09-01"),
                locked(3, 19, "2026-01-01", at_takeover=True),
            ],
            24,
        ),
        # Not renewed since: it is.
        ([locked(1, 20, at_takeover=True), locked(2, 19, "2026-01-01", at_takeover=True)], 19),
        ([locked(1, 20, at_takeover=True), locked(2, 21, "2026-04-01", at_takeover=True)], 21),
        # A purchase whose price came to the lists after its renewal.
        ([locked(1, 24, "2026-09-01"), locked(2, 20)], 24),
        ([locked(1, 20), edited(2, 18)], 18),
        ([locked(1, 20), edited(2, 18), locked(3, 24)], 18),
        ([locked(1, 20), edited(2, 18), edited(3, 17)], 17),
        ([locked(1, 20), edited(2, 18, date(2026, 4, 1)), locked(3, 24)], 24),
        ([locked(1, 20), edited(2, 18, from_on="2026-06-01")], 20),
    ],
)
async def test_the_price_shown(worker, comes_first, prices, shown):
    created = [CREATED]
    for events in (created, prices) if comes_first else (prices, created):
        async with worker.transaction() as tx:
            await Screens().project(tx, events)
    async with worker.transaction() as tx:
        row = await (
            await tx.execute("select unit_price_micro from subscriptions where subscription_id = 'sub_a'")
        ).fetchone()
    assert row is not None
    assert row["unit_price_micro"] == shown
