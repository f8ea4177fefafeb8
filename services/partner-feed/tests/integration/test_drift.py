"""The drift inbox: what stays apart is found with its price, decided by a person or a policy, and brought together."""

from dataclasses import replace
from datetime import date, timedelta

import httpx

from csp_contracts.codec import decode_event
from csp_contracts.envelope import Meta, Origin, Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.pricing_v1 import SubscriptionPriceLocked
from csp_contracts.subscriptions_v1 import QuantityChanged, SubscriptionCreated
from csp_partner_feed.projections import OwnChanges
from csp_runtime.scope import Role
from csp_testing.probe import eventually


async def own_change(feed, first, quantity: int) -> None:
    """As if the owner had written a change of ours."""
    now = feed.clock.now()
    created = SubscriptionCreated(
        subscription_id=first.resource_id,
        tenant_id=first.tenant_id,
        microsoft_subscription_id=first.microsoft_id,
        commerce="nce",
        rule_set="nce",
        product=str(first.state["product"]),
        product_title="x",
        term="P1Y",
        charge_cycle="P1M",
        quantity=int(first.state["quantity"]),
        status="active",
        currency="USD",
        auto_renew=bool(first.state["auto_renew"]),
    )
    changed = QuantityChanged(
        subscription_id=first.resource_id,
        tenant_id=first.tenant_id,
        previous=int(first.state["quantity"]),
        quantity=quantity,
    )
    meta = Meta(
        reseller="res_north",
        partition_key=first.tenant_id,
        effective_at=now,
        recorded_at=now,
        origin=Origin.PORTAL,
    )
    events = [
        Recorded(
            stream=first.resource_id, version=1, data=created, meta=replace(meta, origin=Origin.MICROSOFT)
        ),
        Recorded(stream=first.resource_id, version=2, data=changed, meta=meta),
    ]
    async with feed.database.transaction() as tx:
        await OwnChanges(feed.clock, timedelta(0)).project(tx, events)


async def test_a_change_of_ours_that_microsoft_does_not_show_is_told_and_becomes_drift(feed):
    first = await feed.a_subscription()
    await own_change(feed, first, quantity=first.state["quantity"] + 4)
    told = await feed.eventually(2, microsoft_id=first.microsoft_id, audit_id=None)
    assert told[-1].state["quantity"] == first.state["quantity"]
    await feed.advance("PT20M")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(feed.service.app), base_url="http://feed"
    ) as client:

        async def inbox():
            return (await client.get("/internal/v1/drifts", headers=feed.token())).json()

        (drift,) = await eventually(inbox)
        assert drift["fields"] == {
            "quantity": [str(first.state["quantity"] + 4), str(first.state["quantity"])]
        }
        assert drift["suggested_side"] == "microsoft"
        assert (
            await client.get("/internal/v1/drifts", headers=feed.token(reseller="res_other"))
        ).json() == []
        url = f"/internal/v1/drifts/{drift['drift_id']}/decision"
        body = {"side": "microsoft", "reason": "the portal is right"}
        refused = await client.post(url, json=body, headers=feed.token(Role.RESELLER_SUPPORT))
        foreign = await client.post(url, json=body, headers=feed.token(reseller="res_other"))
        headers = feed.token()
        decided, repeated = [await client.post(url, json=body, headers=headers) for _ in range(2)]
        again = await client.post(url, json=body, headers=feed.token())
        otherwise = await client.post(url, json={**body, "side": "ignore"}, headers=headers)
    answers = (refused, foreign, decided, repeated, again, otherwise)
    assert [answer.status_code for answer in answers] == [403, 404, 200, 200, 404, 422]
    assert repeated.json() == decided.json()
    assert repeated.headers["Idempotency-Replayed"] == "true"
    await feed.eventually(3, microsoft_id=first.microsoft_id, audit_id=None)


async def test_drift_that_vanishes_closes_by_itself(feed):
    first = await feed.a_subscription()
    await own_change(feed, first, quantity=first.state["quantity"] + 4)
    await feed.advance("PT20M")
    found = await eventually_drifts(feed, 1)
    await feed.act(
        "change_quantity",
        customer_id=first.microsoft_tenant_id,
        subscription_id=first.microsoft_id,
        quantity=first.state["quantity"] + 4,
    )
    await feed.eventually(3, microsoft_id=first.microsoft_id, audit_id=None)
    await feed.advance("PT20M")
    closed = await eventually_drifts(feed, 2)
    assert found[0].fields["quantity"] == [str(first.state["quantity"] + 4), str(first.state["quantity"])]
    assert (closed[1].side, closed[1].policy) == ("microsoft", "converged")


async def eventually_drifts(feed, count: int) -> list:
    async def enough():
        feed.check()
        page = await feed.service.log.read(0, 10_000)
        found = [
            decode_event(record.type, record.data) for record in page.records if ".drift-" in record.type
        ]
        return found if len(found) >= count else None

    return await eventually(enough, within=15.0, what=f"{count} drift events")


async def priced(feed, first, unit_price_micro: int) -> None:
    """As if pricing had locked a sales price."""
    locked = SubscriptionPriceLocked(
        subscription_id=first.resource_id,
        tenant_id=first.tenant_id,
        currency="USD",
        unit_price_micro=unit_price_micro,
        price_ref="list:row:1",
        from_on=date(2025, 12, 1),
        product=str(first.state["product"]),
        product_title="x",
        charge_cycle="P1M",
    )
    now = feed.clock.now()
    meta = Meta(reseller="res_north", partition_key=first.tenant_id, effective_at=now, recorded_at=now)
    stream = named_id(Kind.SUBSCRIPTION_PRICE, "res_north", first.microsoft_id)
    async with feed.database.transaction() as tx:
        await OwnChanges(feed.clock, timedelta(0)).project(
            tx, [Recorded(stream=stream, version=1, data=locked, meta=meta)]
        )


async def drifted(feed, extra: int = 4):
    """A difference of so many seats that has lasted for twenty minutes; the first event about it."""
    first = await feed.a_subscription()
    await priced(feed, first, 10_000_000)
    await own_change(feed, first, quantity=first.state["quantity"] + extra)
    await feed.advance("PT20M")
    return first, (await eventually_drifts(feed, 1))[0]


async def adopted(feed, first) -> None:
    """As if the owner had taken over what Microsoft shows."""
    back = QuantityChanged(
        subscription_id=first.resource_id,
        tenant_id=first.tenant_id,
        previous=first.state["quantity"] + 4,
        quantity=first.state["quantity"],
    )
    now = feed.clock.now()
    meta = Meta(
        reseller="res_north",
        partition_key=first.tenant_id,
        effective_at=now,
        recorded_at=now,
        origin=Origin.MICROSOFT,
    )
    async with feed.database.transaction() as tx:
        await OwnChanges(feed.clock, timedelta(0)).project(
            tx, [Recorded(stream=first.resource_id, version=3, data=back, meta=meta)]
        )


async def test_a_difference_tells_what_it_costs_a_month(feed):
    """Four seats fewer at Microsoft, sold for 10.00 a month each: 40.00 less."""
    _, found = await drifted(feed)
    assert (found.money_minor, found.currency) == (-4000, "USD")
    async with feed.api() as api:
        (shown,) = (await api.get("/drifts", headers=feed.token())).json()
    assert (shown["money_minor"], shown["currency"], shown["side"]) == (-4000, "USD", None)


async def test_our_side_is_enforced_by_the_owner_after_it_has_taken_over_what_is_true(feed):
    first, found = await drifted(feed)
    async with feed.api() as api:
        body = {"side": "ours", "reason": "ordered by telephone"}
        answer = await api.post(f"/drifts/{found.drift_id}/decision", json=body, headers=feed.token())
        assert answer.status_code == 200
        await feed.eventually(3, microsoft_id=first.microsoft_id, audit_id=None)
        assert feed.owners.commands == []
        await adopted(feed, first)
        feed.owners.refusals.append((409, "operation-in-progress"))
        await feed.advance("PT2M")

        async def taken():
            feed.check()
            await feed.advance("PT2M")
            (decided,) = (await api.get("/drifts", params={"state": "decided"}, headers=feed.token())).json()
            return decided if not decided["is_pending"] else None

        decided = await eventually(taken, within=20)
    path = f"/internal/v1/subscriptions/{first.resource_id}/change-quantity"
    command = (path, {"quantity": first.state["quantity"] + 4}, f"{found.drift_id}/quantity")
    assert feed.owners.commands == [command, command]
    assert (decided["side"], decided["reason"], decided["fault"]) == ("ours", "ordered by telephone", None)
    assert decided["decided_by"]


async def test_a_refused_enforcement_is_shown_beside_the_decision(feed):
    first, found = await drifted(feed)
    feed.owners.refusals.append((409, "commitment-locked"))
    async with feed.api() as api:
        body = {"side": "ours", "reason": "x"}
        await api.post(f"/drifts/{found.drift_id}/decision", json=body, headers=feed.token())
        await feed.eventually(3, microsoft_id=first.microsoft_id, audit_id=None)
        await adopted(feed, first)

        async def refused():
            feed.check()
            await feed.advance("PT2M")
            (decided,) = (await api.get("/drifts", params={"state": "decided"}, headers=feed.token())).json()
            return decided if decided["fault"] else None

        decided = await eventually(refused, within=20)
    assert (decided["fault"], decided["is_pending"]) == ("commitment-locked", False)
    assert len(feed.owners.commands) == 1


async def test_what_was_ignored_does_not_come_back_until_it_differs_otherwise(feed):
    first, found = await drifted(feed)
    async with feed.api() as api:
        body = {"side": "ignore", "reason": "agreed with the customer"}
        await api.post(f"/drifts/{found.drift_id}/decision", json=body, headers=feed.token())
        for _ in range(3):
            await feed.advance("PT20M")
        assert (await api.get("/drifts", headers=feed.token())).json() == []
        await feed.act(
            "change_quantity",
            customer_id=first.microsoft_tenant_id,
            subscription_id=first.microsoft_id,
            quantity=first.state["quantity"] + 1,
        )
        await feed.eventually(3, microsoft_id=first.microsoft_id, audit_id=None)
        await feed.advance("PT20M")
        again = (await eventually_drifts(feed, 3))[2]
    assert again.drift_id != found.drift_id
    assert again.money_minor == -3000


async def test_a_policy_takes_microsofts_side_without_asking_and_rests_for_a_day(feed):
    async with feed.api() as api:
        body = {"field": "quantity", "side": "microsoft", "reason": "the portal is where we work"}
        refused = await api.put("/drift-policies", json=body, headers=feed.token(Role.RESELLER_SUPPORT))
        unknown = await api.put("/drift-policies", json={**body, "tenant_id": "ten_x"}, headers=feed.token())
        customer = await api.get("/drift-policies", headers=feed.token(Role.CUSTOMER_ADMIN))
        assert (refused.status_code, unknown.status_code, customer.status_code) == (403, 404, 403)
        assert (await api.put("/drift-policies", json=body, headers=feed.token())).status_code == 200
        (policy,) = (await api.get("/drift-policies", headers=feed.token())).json()
        foreign = await api.get("/drift-policies", headers=feed.token(reseller="res_other"))
        assert (policy["field"], policy["tenant_id"], foreign.json()) == ("quantity", None, [])
        first, _ = await drifted(feed)
        events = await eventually_drifts(feed, 2)
        assert (events[1].side, events[1].policy) == ("microsoft", "all tenants/quantity: microsoft")
        await feed.eventually(3, microsoft_id=first.microsoft_id, audit_id=None)
        await feed.advance("PT40M")
        again = (await eventually_drifts(feed, 3))[2]
        (waiting,) = (await api.get("/drifts", headers=feed.token())).json()
    assert waiting["drift_id"] == again.drift_id


async def test_the_inbox_is_given_out_in_pages(feed):
    _, found = await drifted(feed)
    async with feed.api() as api:
        page = await api.get("/drifts", params={"limit": 1}, headers=feed.token())
        rest = await api.get("/drifts", params={"limit": 1, "after": found.drift_id}, headers=feed.token())
        wrong = await api.get("/drifts", params={"limit": 0}, headers=feed.token())
    assert [each["drift_id"] for each in page.json()] == [found.drift_id]
    assert (rest.json(), wrong.status_code) == ([], 422)


async def test_what_no_table_can_hold_is_refused_by_its_field(feed):
    await feed.settled()
    async with feed.api() as api:
        body = {"side": "ask", "reason": "a\0b"}
        answers = [
            await api.get("/drifts", params={"after": "dri_\0"}, headers=feed.token()),
            await api.put("/drift-policies", json=body, headers=feed.token()),
            await api.put(
                "/drift-policies", json={**body, "reason": "x", "tenant_id": "ten\0"}, headers=feed.token()
            ),
            await api.post(
                "/drifts/dri_x/decision", json={"side": "ignore", "reason": "\0"}, headers=feed.token()
            ),
        ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422]
