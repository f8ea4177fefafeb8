"""Which price is locked when (R5.2, R5.3): purchase, renewal, changed lists by the customer's policy, links, and what waits."""

from datetime import date

import pytest

from csp_contracts.provisioning_v1 import CustomerSettingChanged, ResellerSettingChanged
from csp_contracts.subscriptions_v1 import (
    AcceptedQuote,
    BillingStartChanged,
    SubscriptionCancelled,
    SubscriptionConverted,
)
from csp_pricing.locks import pending


def worker(pricing, name):
    return dict(pricing.service.workers)[name]


async def retried(pricing):
    await worker(pricing, "pending locks").look()


async def taken(pricing, day=None):
    """The changes of lists that are due are taken, on a day."""
    if day is not None:
        pricing.clock.move_to(pricing.clock.now().replace(month=day.month, day=day.day, year=day.year))
    await worker(pricing, "price changes").look()


def told(locks):
    return [(lock.unit_price_micro // 1_000_000, lock.from_on.isoformat(), lock.policy) for lock in locks]


async def policy_of(pricing, value, *, customer=None, on="2026-01-01"):
    day = date.fromisoformat(on)
    if customer is None:
        stream, kind = "res_north", ResellerSettingChanged
        data = kind(reseller_id=stream, setting="price_change_policy", value=value, effective_on=day)
    else:
        data = CustomerSettingChanged(
            customer_id=customer, setting="price_change_policy", value=value, effective_on=day
        )
        stream = customer
    await pricing.told(stream, data, on)


@pytest.fixture
async def sold(pricing):
    """Bought on 5 January for 20 from the global list."""
    await pricing.has_customer("cus_a")
    await pricing.lists("20")
    await pricing.bought("sub_a", "ten_a", "2026-01-05")
    await taken(pricing)
    return pricing


async def test_a_purchase_locks_the_accepted_quote_although_the_list_changed(pricing):
    await pricing.has_customer("cus_a")
    await pricing.lists("25")
    quote = AcceptedQuote(quote_id="quo_a", currency="EUR", unit_price_micro=20_000_000, price_ref="l/r/1")
    await pricing.bought("sub_a", "ten_a", "2026-01-05", quote=quote)
    (lock,) = await pricing.locks()
    assert (lock.unit_price_micro, lock.price_ref) == (20_000_000, "l/r/1")


async def test_a_whole_book_that_waited_is_priced_page_by_page_once_a_list_has_it(pricing, monkeypatch):
    monkeypatch.setattr(pending, "AT_ONCE", 7)
    await pricing.has_customer("cus_a")
    names = [f"sub_{number:02}" for number in range(20)]
    for name in names:
        await pricing.bought(name, "ten_a", "2026-01-05")
    assert [await pricing.locks(name) for name in names] == [[]] * 20
    await pricing.lists("20")
    for _ in range(2):
        await retried(pricing)
    assert [told(await pricing.locks(name)) for name in names] == [[(20, "2026-01-05", None)]] * 20


async def test_a_renewal_takes_the_price_of_its_day(sold):
    await sold.lists("24", valid_from="2026-12-01")
    await sold.renewed("sub_a", "ten_a", "2027-01-05")
    assert told(await sold.locks()) == [(20, "2026-01-05", None), (24, "2027-01-05", None)]


async def test_a_conversion_keeps_term_segment_and_currency(sold):
    await sold.lists("30", product="P:2")
    converted = SubscriptionConverted(
        subscription_id="sub_a",
        tenant_id="ten_a",
        from_product="CFQ7TTC0LH18:0001",
        product="P:2",
        product_title="E3",
        charge_cycle="P1M",
        quantity=10,
    )
    await sold.told("sub_a", converted, "2026-02-10")
    assert told(await sold.locks())[1:] == [(30, "2026-02-10", None)]


async def test_without_a_policy_a_changed_list_waits_for_the_renewal(sold):
    await sold.lists("24", valid_from="2026-03-01")
    await taken(sold, date(2026, 3, 1))
    assert told(await sold.locks()) == [(20, "2026-01-05", None)]


@pytest.mark.parametrize("policy", ["at_next_cycle", "immediate_prorated"])
async def test_a_policy_lets_it_count_from_its_day(sold, policy):
    await policy_of(sold, policy)
    await sold.lists("24", valid_from="2026-03-01")
    await taken(sold, date(2026, 2, 28))
    assert len(await sold.locks()) == 1
    await taken(sold, date(2026, 3, 1))
    await taken(sold, date(2026, 3, 2))
    assert told(await sold.locks())[1:] == [(24, "2026-03-01", policy)]


async def test_the_customers_policy_wins_over_the_resellers(sold):
    await sold.has_customer("cus_b")
    await sold.bought("sub_b", "ten_b", "2026-01-05")
    await policy_of(sold, "immediate_prorated")
    await policy_of(sold, "at_renewal", customer="cus_a")
    await sold.lists("24", valid_from="2026-03-01")
    await taken(sold, date(2026, 3, 1))
    assert told(await sold.locks("sub_a")) == [(20, "2026-01-05", None)]
    assert told(await sold.locks("sub_b"))[1:] == [(24, "2026-03-01", "immediate_prorated")]


async def test_a_list_works_forward_only(sold):
    """Set on 16 February for 10 January: the days before are the historic edit's."""
    await policy_of(sold, "immediate_prorated")
    await sold.lists("24", valid_from="2026-01-10")
    await taken(sold)
    assert told(await sold.locks())[1:] == [(24, "2026-02-16", "immediate_prorated")]


async def test_days_that_were_missed_are_taken_in_their_order(sold):
    await policy_of(sold, "at_next_cycle")
    await sold.lists("24", valid_from="2026-03-01")
    await sold.lists("26", valid_from="2026-04-01")
    await taken(sold, date(2026, 5, 1))
    assert [lock[:2] for lock in told(await sold.locks())[1:]] == [(24, "2026-03-01"), (26, "2026-04-01")]


async def test_a_customers_row_that_ends_gives_way_to_the_global_one(sold):
    await policy_of(sold, "at_next_cycle")
    await sold.lists("18", customer="cus_a", valid_from="2026-03-01", valid_until="2026-04-01")
    await taken(sold, date(2026, 5, 1))
    assert [lock[:2] for lock in told(await sold.locks())[1:]] == [(18, "2026-03-01"), (20, "2026-04-01")]


async def test_a_row_of_another_customer_a_preview_and_the_same_price_change_nothing(sold):
    await policy_of(sold, "immediate_prorated")
    await sold.has_customer("cus_b")
    await sold.lists("18", customer="cus_b")
    await sold.lists("19", valid_from="2026-02-01", preview=True)
    await sold.lists("20", valid_from="2026-02-10")
    await taken(sold)
    assert len(await sold.locks()) == 1


async def test_what_ended_has_no_new_price(sold):
    await policy_of(sold, "immediate_prorated")
    await sold.told("sub_a", SubscriptionCancelled(subscription_id="sub_a", tenant_id="ten_a"), "2026-02-01")
    await sold.lists("24", valid_from="2026-02-20")
    await taken(sold, date(2026, 2, 20))
    assert len(await sold.locks()) == 1


async def test_a_renewal_after_the_change_is_not_overtaken_by_it(sold):
    await policy_of(sold, "at_next_cycle", on="2026-12-01")
    await sold.lists("24", valid_from="2026-12-20")
    await sold.renewed("sub_a", "ten_a", "2027-01-05")
    await taken(sold, date(2027, 1, 6))
    assert told(await sold.locks())[1:] == [(24, "2027-01-05", None)]


async def test_a_purchase_whose_tenant_is_nobodys_yet_waits_for_its_customers_price(pricing):
    await pricing.has_customer("cus_a", tenant=False)
    await pricing.lists("20")
    await pricing.lists("18", customer="cus_a")
    await pricing.costs(12_000_000)
    await pricing.bought("sub_a", "ten_a", "2026-01-05")
    assert await pricing.locks() == []
    assert len(await pricing.cost_locks()) == 1
    await retried(pricing)
    assert await pricing.locks() == []
    await pricing.has_tenant("ten_a", "cus_a")
    await retried(pricing)
    await retried(pricing)
    assert told(await pricing.locks()) == [(18, "2026-01-05", None)]


async def test_a_renewal_that_waits_does_not_make_forget_that_the_purchase_waits(pricing):
    await pricing.has_customer("cus_a")
    await pricing.bought("sub_a", "ten_a", "2026-01-05")
    await pricing.renewed("sub_a", "ten_a", "2027-01-05")
    await pricing.lists("20")
    await pricing.lists("24", valid_from="2026-12-01")
    await retried(pricing)
    assert told(await pricing.locks()) == [(20, "2026-01-05", None), (24, "2027-01-05", None)]


async def test_a_link_leaves_locked_prices_alone(sold):
    await sold.has_customer("cus_b", tenant=False)
    await sold.lists("18", customer="cus_b")
    await sold.linked("ten_a", "cus_a", "cus_b")
    assert len(await sold.locks()) == 1


@pytest.mark.parametrize(("asked", "first_day"), [("2026-02-01", "2026-02-01"), ("2025-12-01", "2026-01-05")])
async def test_a_link_that_asks_for_it_takes_the_new_customers_price_from_a_day(sold, asked, first_day):
    await sold.has_customer("cus_b", tenant=False)
    await sold.lists("18", customer="cus_b")
    await sold.linked("ten_a", "cus_a", "cus_b", reprice_from=date.fromisoformat(asked))
    assert told(await sold.locks())[1:] == [(18, first_day, "immediate_prorated")]


async def test_the_price_of_a_link_can_come_later(pricing):
    await pricing.has_customer("cus_a")
    await pricing.has_customer("cus_b", tenant=False)
    await pricing.lists("20", customer="cus_a")
    await pricing.bought("sub_a", "ten_a", "2026-01-05")
    await pricing.linked("ten_a", "cus_a", "cus_b", reprice_from=date(2026, 2, 1))
    await pricing.lists("18", customer="cus_b")
    await retried(pricing)
    assert told(await pricing.locks())[1:] == [(18, "2026-02-01", "immediate_prorated")]


async def test_a_link_into_the_past_reprices_later_renewals_too(sold):
    await sold.has_customer("cus_b", tenant=False)
    await sold.lists("18", customer="cus_b")
    await sold.lists("19", customer="cus_b", valid_from="2026-12-01")
    await sold.renewed("sub_a", "ten_a", "2027-01-05")
    await sold.linked("ten_a", "cus_a", "cus_b", reprice_from=date(2026, 2, 1), on="2027-02-17")
    assert told(await sold.locks())[2:] == [
        (18, "2026-02-01", "immediate_prorated"),
        (19, "2027-01-05", None),
    ]


async def test_a_link_reprices_an_imported_subscription_from_the_day_it_is_billed_from(sold):
    await sold.bought("sub_i", "ten_a", "2025-06-01", billing_from=date(2026, 1, 20))
    await sold.has_customer("cus_b", tenant=False)
    await sold.lists("18", customer="cus_b", valid_from="2020-01-01")
    await sold.linked("ten_a", "cus_a", "cus_b", reprice_from=date(2025, 7, 1))
    assert told(await sold.locks("sub_i"))[1:] == [(18, "2026-01-20", "immediate_prorated")]


async def billed_from(pricing, day, on):
    moved = BillingStartChanged(
        subscription_id="sub_a", tenant_id="ten_a", billing_from=date.fromisoformat(day)
    )
    await pricing.told("sub_a", moved, on)


@pytest.fixture
async def imported(pricing):
    """Found by the first synchronisation, billed from 16 February on; the list is of January and of March."""
    await pricing.has_customer("cus_a")
    await pricing.lists("20", valid_from="2026-01-01")
    await pricing.lists("24", valid_from="2026-03-01")
    await pricing.costs(15_000_000)
    await pricing.bought("sub_a", "ten_a", "2025-11-05", billing_from=date(2026, 2, 16))
    return pricing


async def test_another_first_billing_day_locks_the_price_and_the_cost_of_that_day(imported):
    await billed_from(imported, "2026-03-16", "2026-02-20")
    await billed_from(imported, "2025-12-16", "2026-02-21")
    assert told(await imported.locks()) == [
        (20, "2026-02-16", None),
        (24, "2026-03-16", None),
        (20, "2025-12-16", None),  # no row is valid then: the earliest later one
    ]
    assert [str(lock.from_on) for lock in await imported.cost_locks()] == [
        "2026-02-16",
        "2026-03-16",
        "2025-12-16",
    ]


async def test_it_prices_what_was_sold_on_that_day_although_it_was_converted_since(imported):
    await imported.lists("30", product="P:2")
    converted = SubscriptionConverted(
        subscription_id="sub_a",
        tenant_id="ten_a",
        from_product="CFQ7TTC0LH18:0001",
        product="P:2",
        product_title="E3",
        charge_cycle="P1M",
        quantity=10,
    )
    await imported.told("sub_a", converted, "2026-03-10")
    await billed_from(imported, "2026-03-01", "2026-03-12")
    await billed_from(imported, "2026-03-11", "2026-03-12")
    assert told(await imported.locks())[-2:] == [(24, "2026-03-01", None), (30, "2026-03-11", None)]


async def test_without_a_price_of_any_list_it_waits_as_at_the_import(pricing):
    await pricing.has_customer("cus_a")
    await pricing.bought("sub_a", "ten_a", "2025-11-05", billing_from=date(2026, 2, 16))
    await billed_from(pricing, "2026-01-16", "2026-02-20")
    assert await pricing.locks() == []
    await pricing.lists("20")
    await retried(pricing)
    assert sorted(told(await pricing.locks())) == [(20, "2026-01-16", None), (20, "2026-02-16", None)]
