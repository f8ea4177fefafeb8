"""An unlucky world: answers that lag, customers that come back, clocks that differ, lists that shift."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from csp_partner_feed.domain.observation import Resource
from csp_testing.probe import eventually

ITEM = "CFQ7TTC0LH18:0001"


async def struck(feed, operation: str, kind: str, **more: Any) -> None:
    """A fault is armed; `fired` tells later whether it struck."""
    await feed.control("POST", "/faults", {"operation": operation, "kind": kind, **more})


async def has_fired(feed) -> bool:
    return all(each["fired"] for each in await feed.control("GET", "/faults"))


async def compare(feed, microsoft_tenant_id: str) -> None:
    """The customer's full comparison, now."""
    await feed.count(
        f"update tenants set compare_at = '2000-01-01', compare_claimed_until = null "
        f"where microsoft_tenant_id = '{microsoft_tenant_id}' returning 1"
    )
    await feed.settled()


async def test_one_404_in_the_midst_of_a_lag_takes_no_customer_away(feed):
    first = await feed.a_subscription()
    tenant = first.microsoft_tenant_id
    for kind in ("not_found_fresh", "customer_vanished"):
        await feed.control("DELETE", "/faults")
        await struck(feed, "customers.get", kind, customer_id=tenant)
        await feed.count(
            f"insert into reads (reseller_id, resource, microsoft_tenant_id, microsoft_id, due_at, channel, "
            f"is_forced, is_repeated) values ('res_north', 'tenant', '{tenant}', '{tenant}', '2000-01-01', "
            f"'comparison', false, false) on conflict do nothing returning 1"
        )
        await eventually(lambda: has_fired(feed), what="the fault struck")
        await feed.settled()
    assert await feed.observed(resource="tenant", state=None) == []
    assert await feed.count("select count(*) from tenants where is_gone or missing_since is not null") == 0


async def test_a_subscription_that_is_not_found_at_first_is_told_whole_when_it_shows(feed):
    """Its first reading met the lag of a fresh purchase: it must come with its directory's SKU all the same."""
    first = await feed.a_subscription()
    tenant = first.microsoft_tenant_id
    await struck(feed, "customers.subscriptions.get", "not_found_fresh", customer_id=tenant)
    bought = await feed.act(
        "buy", customer_id=tenant, catalog_item_id=ITEM, quantity=3, term="P1M", billing_cycle="monthly"
    )
    await feed.advance("P2D")  # notification and record have come by then
    await eventually(lambda: has_fired(feed), what="the fault struck")
    await compare(feed, tenant)
    told = await feed.eventually(1, microsoft_id=bought["subscription_id"], audit_id=None)
    whole = [each for each in told if each.state is not None and "directory_sku_id" in each.state]
    assert whole == [each for each in told if each.state is not None][:1]


async def test_a_notification_of_what_is_gone_meanwhile_stops_nothing(feed):
    first = await feed.a_subscription()
    tenant = first.microsoft_tenant_id
    bought = await feed.act(
        "buy", customer_id=tenant, catalog_item_id=ITEM, quantity=1, term="P1M", billing_cycle="monthly"
    )
    await feed.act("cancel", customer_id=tenant, subscription_id=bought["subscription_id"])
    nowhere = [
        f"/customers/{tenant}/subscriptions/{uuid4()}",
        f"/customers/{uuid4()}/subscriptions/{uuid4()}",
        f"/customers/{tenant}/subscriptions/{bought['subscription_id']}",
    ]
    for uri in nowhere:
        body = {
            "EventName": "subscription-updated",
            "ResourceUri": f"https://api.partnercenter.microsoft.com/v1{uri}",
            "ResourceName": "subscription",
            "AuditUri": None,
            "ResourceChangeUtcDate": feed.clock.now().isoformat(),
        }
        assert await feed.notify(json.dumps(body).encode()) == 200
    await feed.settled()
    assert await feed.count("select count(*) from reads") == 0
    told = await feed.eventually(1, microsoft_id=bought["subscription_id"], audit_id=None)
    assert told[-1].state["status"] == "deleted"
    assert {each.resource for each in await feed.observed(state=None)} <= {str(Resource.SUBSCRIPTION)}


async def test_a_customer_that_left_and_came_back_is_told_again_with_all_it_has(feed):
    first = await feed.a_subscription()
    tenant = first.microsoft_tenant_id
    name = (await feed.observed(resource="tenant", microsoft_id=tenant))[0].state
    await feed.act("remove_relationship", who="customer_admin", customer_id=tenant)
    await feed.advance("P1D")
    await feed.eventually(1, resource="tenant", microsoft_id=tenant, state=None)
    await feed.act(
        "accept_relationship", who="customer_admin", company_name=name["company_name"], domain=name["domain"]
    )
    changed = {"customer_id": tenant, "subscription_id": first.microsoft_id}
    await feed.act("change_quantity", quantity=first.state["quantity"] + 4, **changed)
    await feed.advance("P1D")
    back = await feed.eventually(3, resource="tenant", microsoft_id=tenant)
    assert [each.state is None for each in back] == [False, True, False]
    assert not back[-1].is_first_synchronisation
    told = await feed.eventually(2, microsoft_id=first.microsoft_id, audit_id=None)
    assert told[-1].state["quantity"] == first.state["quantity"] + 4


async def test_a_notification_from_the_future_is_read_and_its_time_is_not_believed(feed):
    first = await feed.a_subscription()
    tenant = first.microsoft_tenant_id
    await feed.control("PATCH", "/channels", {"webhooks": False, "audit": False})
    changed = {"customer_id": tenant, "subscription_id": first.microsoft_id}
    await feed.act("change_quantity", quantity=first.state["quantity"] + 2, **changed)
    ahead, minute = feed.clock.now() + timedelta(days=400), feed.clock.now() + timedelta(minutes=1)
    for number, moment in enumerate((ahead, minute), start=1):
        body = {
            "EventName": "subscription-updated",
            "ResourceUri": f"https://api.partnercenter.microsoft.com/v1/customers/{tenant}/subscriptions/{first.microsoft_id}",
            "ResourceName": "subscription",
            "AuditUri": None,
            "ResourceChangeUtcDate": moment.isoformat(),
        }
        assert await feed.notify(json.dumps(body).encode()) == 200
        told = await feed.eventually(1 + number, microsoft_id=first.microsoft_id, audit_id=None)
        # A minute is what clocks differ by; more than a year is no time at all.
        assert told[-1].changed_at == (None if moment == ahead else minute)
        await feed.act("change_quantity", quantity=first.state["quantity"] + 3, **changed)


async def test_a_list_of_customers_that_shifts_while_it_is_read_loses_nobody(feed):
    """Page by page: the first of each page is gone to the page before, which has been read already."""
    await feed.settled()
    known = await feed.count("select count(*) from tenants")

    def shifted(path: str, body: Any) -> Any:
        if path != "/v1/customers":
            return body
        return {**body, "items": body["items"][1:]}

    feed.upstream.spoil = shifted
    before = len(await feed.requests("customers.list"))
    await feed.advance("P2D")

    async def listed_again() -> bool:
        return len(await feed.requests("customers.list")) > before

    await eventually(listed_again, what="the customers were listed")
    await feed.settled()
    assert await feed.count("select count(*) from tenants where not is_gone") == known
    assert await feed.observed(resource="tenant", state=None) == []


async def test_records_that_come_an_hour_late_and_out_of_order_are_facts_at_their_own_times(feed):
    first = await feed.a_subscription()
    changed = {"customer_id": first.microsoft_tenant_id, "subscription_id": first.microsoft_id}
    await feed.control("PATCH", "/profile", {"latency": "realistic", "seed": 11, "write_answer": "200"})
    quantity = first.state["quantity"]
    for more in (3, 1, 2):
        await feed.advance("PT20M")
        await feed.act("change_quantity", quantity=quantity + more, **changed)
    for _ in range(8):
        await feed.advance("PT1H")
    facts = await feed.facts(3, first.microsoft_id)
    by_time = sorted(facts, key=lambda each: each.changed_at)
    assert [each.state["quantity"] for each in by_time] == [quantity + 3, quantity + 1, quantity + 2]
    assert round((by_time[2].changed_at - by_time[0].changed_at).total_seconds()) == 2400
