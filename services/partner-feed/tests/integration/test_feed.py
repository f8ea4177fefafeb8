"""What Microsoft says reaches the platform: by notification, activity log, directory, comparison; once each."""

from datetime import timedelta

import httpx
import pytest

from csp_contracts.ids import Kind, named_id
from csp_partner_center.subscriptions import changing_quantity
from csp_runtime.scope import Role
from csp_testing.probe import eventually


async def test_the_first_synchronisation_tells_every_customer_subscription_and_seat_once(feed):
    listed = [
        each async for page in feed.client.as_reseller("res_north").customers.pages() for each in page.items
    ]
    await feed.eventually(len(listed), resource="tenant")
    await feed.settled()
    tenants = await feed.observed(resource="tenant")
    assert {each.microsoft_id for each in tenants} == {each.id for each in listed}
    assert len(tenants) == len(listed)
    subscriptions = await feed.observed(resource="subscription")
    ids = [each.microsoft_id for each in subscriptions]
    assert len(ids) == len(set(ids))
    assert all(each.is_first_synchronisation for each in subscriptions)
    assert {each.channel for each in subscriptions} == {"first_sync"}
    assert all(each.state["directory_sku_id"] for each in subscriptions if each.state["commerce"] == "nce")
    assert all(
        each.tenant_id == named_id(Kind.TENANT, "res_north", each.microsoft_tenant_id) for each in tenants
    )


async def test_an_imported_book_bills_nothing_of_its_past(feed):
    first = await feed.a_subscription()
    now = feed.clock.now().date()
    assert str(first.state["billing_from"]) <= now.isoformat()
    assert (now - timedelta(days=31)).isoformat() <= str(first.state["billing_from"])


async def test_a_change_in_the_portal_is_told_with_the_time_of_the_change(feed):
    first = await feed.a_subscription()
    await feed.advance("P3D")
    await feed.act(
        "change_quantity",
        customer_id=first.microsoft_tenant_id,
        subscription_id=first.microsoft_id,
        quantity=first.state["quantity"] + 2,
    )
    told = await feed.eventually(2, microsoft_id=first.microsoft_id, audit_id=None)
    assert told[-1].state["quantity"] == first.state["quantity"] + 2
    assert not told[-1].is_first_synchronisation
    (fact,) = await feed.facts(1, first.microsoft_id)
    assert fact.state["quantity"] == first.state["quantity"] + 2
    assert fact.changed_at.date() == feed.clock.now().date()


async def test_what_did_not_change_is_not_told_again(feed):
    await feed.a_subscription()
    before = len(await feed.observed())
    client = httpx.AsyncClient(transport=httpx.ASGITransport(feed.service.app), base_url="http://feed")
    async with client:
        await feed.advance("P2D")
        await feed.settled()
    after = await feed.observed()
    assert [each for each in after[before:] if each.resource == "tenant"] == []


async def test_a_flip_is_told_as_two_facts_at_their_own_times(feed):
    first = await feed.a_subscription()
    quantity = first.state["quantity"]
    for wanted in (quantity + 3, quantity):
        await feed.advance("PT1H")
        await feed.act(
            "change_quantity",
            customer_id=first.microsoft_tenant_id,
            subscription_id=first.microsoft_id,
            quantity=wanted,
        )
    facts = await feed.facts(2, first.microsoft_id)
    assert [each.state["quantity"] for each in facts] == [quantity + 3, quantity]
    assert round((facts[1].changed_at - facts[0].changed_at).total_seconds()) == 3600


async def test_our_own_change_is_recognised_by_its_correlation_id(feed):
    first = await feed.a_subscription()
    await feed.advance("PT1M")
    partner = feed.client.as_reseller("res_north")
    current = (await partner.subscriptions.get(first.microsoft_tenant_id, first.microsoft_id)).value
    ids = feed.ids()
    await partner.subscriptions.send(
        changing_quantity(first.microsoft_tenant_id, current, current.quantity + 1), ids
    )
    (fact,) = await feed.eventually(
        1, microsoft_id=first.microsoft_id, microsoft_correlation_id=str(ids.correlation_id)
    )
    assert fact.audit_operation == "update_subscription"


async def test_a_customer_made_elsewhere_is_found_with_what_it_bought(feed):
    await feed.settled()
    made = await feed.act(
        "create_customer", company_name="Found Ltd", domain="foundltd.onmicrosoft.com", country="US"
    )
    told = await feed.eventually(1, resource="tenant", microsoft_id=made["customer_id"])
    assert told[0].state["company_name"] == "Found Ltd"
    assert not told[0].is_first_synchronisation


async def test_a_customer_that_left_is_told_as_gone_once(feed):
    first = await feed.a_subscription()
    tenant = first.microsoft_tenant_id
    for each in await feed.observed(resource="subscription", microsoft_tenant_id=tenant):
        if each.state["status"] == "active":
            await feed.act("suspend", customer_id=tenant, subscription_id=each.microsoft_id)
    await feed.act("remove_relationship", who="customer_admin", customer_id=first.microsoft_tenant_id)
    await feed.advance("P2D")
    gone = await feed.eventually(1, resource="tenant", microsoft_id=first.microsoft_tenant_id, state=None)
    await feed.settled()
    assert len(gone) == 1


async def test_a_failing_activity_log_does_not_stop_the_notifications(feed):
    first = await feed.a_subscription()
    await feed.control("PATCH", "/channels", {"audit": False})
    await feed.act(
        "change_quantity",
        customer_id=first.microsoft_tenant_id,
        subscription_id=first.microsoft_id,
        quantity=first.state["quantity"] + 2,
    )
    told = await feed.eventually(2, microsoft_id=first.microsoft_id)
    assert {each.channel for each in told[1:]} == {"webhook"}


@pytest.mark.parametrize("channels", [{"webhooks": False}, {"webhooks": False, "audit": False}])
async def test_lost_notifications_are_made_up_for(feed, channels):
    first = await feed.a_subscription()
    await feed.control("PATCH", "/channels", channels)
    await feed.act(
        "change_quantity",
        customer_id=first.microsoft_tenant_id,
        subscription_id=first.microsoft_id,
        quantity=first.state["quantity"] + 2,
    )
    await feed.advance("P2D")
    told = await feed.eventually(2, microsoft_id=first.microsoft_id, audit_id=None)
    assert told[-1].state["quantity"] == first.state["quantity"] + 2


async def test_a_burst_of_notifications_is_read_once_per_resource(feed):
    first = await feed.a_subscription()
    await feed.control("DELETE", "/requests")
    await feed.control(
        "POST",
        "/webhooks/emit",
        {
            "tenant_id": feed.partner["tenant_id"],
            "event": "subscription-updated",
            "resource_uri": f"/customers/{first.microsoft_tenant_id}/subscriptions/{first.microsoft_id}",
            "copies": 20,
        },
    )

    async def all_arrived() -> bool:
        seen = await feed.control("GET", "/webhooks")
        return bool(seen["deliveries"]) and all(each["state"] == "delivered" for each in seen["deliveries"])

    await eventually(all_arrived)
    await feed.settled()
    reads = await feed.requests("customers.subscriptions.get")
    assert len(reads) == 1


@pytest.mark.parametrize("defect", ["bad_signature", "expired_certificate", "foreign_certificate", "huge"])
async def test_what_is_not_proven_to_be_microsofts_leaves_no_trace(feed, defect):
    first = await feed.a_subscription()
    await feed.control(
        "POST",
        "/webhooks/emit",
        {
            "tenant_id": feed.partner["tenant_id"],
            "event": "subscription-updated",
            "resource_uri": f"/customers/{first.microsoft_tenant_id}/subscriptions/{first.microsoft_id}",
            "defect": defect,
        },
    )

    async def refused() -> bool:
        seen = await feed.control("GET", "/webhooks")
        return any(
            attempt.get("status") in (401, 413) for each in seen["deliveries"] for attempt in each["attempts"]
        )

    await eventually(refused)
    async with feed.database.connection() as connection:
        row = await (await connection.execute("select count(*) as n from inbox")).fetchone()
    assert row["n"] == 0


async def test_an_unknown_event_is_parked_with_its_payload(feed):
    await feed.settled()
    await feed.control(
        "POST",
        "/webhooks/emit",
        {
            "tenant_id": feed.partner["tenant_id"],
            "event": "subscription-updated",
            "resource_uri": "/customers/c/x/y",
            "defect": "unknown_event",
        },
    )

    async def parked():
        async with feed.database.connection() as connection:
            return await (await connection.execute("select * from inbox where state = 'parked'")).fetchone()

    row = await eventually(parked)
    assert row["body"]


async def test_the_status_shows_how_fresh_every_channel_is(feed):
    first = await feed.a_subscription()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(feed.service.app), base_url="http://feed"
    ) as client:
        answer = await client.get("/internal/v1/sync/status", headers=feed.token())
        of_one = await client.get(
            "/internal/v1/sync/status", params={"tenant_id": first.tenant_id}, headers=feed.token()
        )
        foreign = await client.get("/internal/v1/sync/status", headers=feed.token(reseller="res_other"))
        customer = await client.get("/internal/v1/sync/status", headers=feed.token(Role.CUSTOMER_ADMIN))
    body = answer.json()
    assert (
        body["first_synchronisation"]["done"]
        == body["first_synchronisation"]["customers"]
        == body["customers"]
        > 0
    )
    assert {"customers", "audit"} <= {each["channel"] for each in body["channels"]}
    assert {each["channel"] for each in of_one.json()["channels"]} >= {"first_sync", "licences"}
    assert foreign.json()["customers"] == 0
    assert customer.status_code == 403


async def test_a_reading_asked_for_is_told_even_if_nothing_is_new(feed):
    first = await feed.a_subscription()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(feed.service.app), base_url="http://feed"
    ) as client:
        body = {"tenant_id": first.tenant_id, "subscription_id": first.resource_id}
        refused = await client.post("/internal/v1/rereads", json=body, headers=feed.token())
        wanted = await client.post("/internal/v1/rereads", json=body, headers=feed.token(Role.SERVICE))
        unknown = await client.post(
            "/internal/v1/rereads",
            json={"tenant_id": first.tenant_id, "subscription_id": "sub_unknown"},
            headers=feed.token(Role.SERVICE),
        )
    assert (refused.status_code, wanted.status_code, unknown.status_code) == (403, 202, 404)
    await feed.eventually(2, microsoft_id=first.microsoft_id)


async def test_a_user_made_by_the_customers_admin_is_told_with_the_name_apart(feed):
    first = await feed.a_subscription()
    domain = next(
        each.state["domain"]
        for each in await feed.observed(resource="tenant", microsoft_id=first.microsoft_tenant_id)
    )
    known = {each.microsoft_id for each in await feed.observed(resource="user")}
    await feed.act(
        "create_user",
        who="customer_admin",
        customer_id=first.microsoft_tenant_id,
        user_principal_name=f"canary.person@{domain}",
        display_name="Canary Person",
        usage_location="US",
    )
    await feed.advance("PT10M")
    users = await feed.eventually(len(known) + 1, resource="user")
    (told,) = [each for each in users if each.microsoft_id not in known]
    assert told.channel == "graph_delta"
    assert told.state["usage_location"] == "US"
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(feed.service.app), base_url="http://feed"
    ) as client:
        url = f"/internal/v1/observations/{told.observation_id}/personal"
        foreign = await client.get(url, headers=feed.token(Role.SERVICE, "res_other"))
        person = await client.get(url, headers=feed.token(Role.SERVICE))
        erased = await client.delete(
            f"/internal/v1/persons/{told.microsoft_id}", headers=feed.token(Role.SERVICE)
        )
        gone = await client.get(url, headers=feed.token(Role.SERVICE))
    assert foreign.status_code == 404
    assert person.json()["display_name"] == "Canary Person"
    assert erased.json() == {"erased": 1}
    assert gone.status_code == 404
    page = await feed.service.log.read(0, 10_000)
    assert not any(b"anary" in record.data for record in page.records)
