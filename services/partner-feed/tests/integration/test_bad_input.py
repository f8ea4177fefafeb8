"""What is broken, forged, repeated or unknown changes nothing, and stops nothing else."""

import json

import pytest

from csp_partner_center.errors import PartnerCenterError
from csp_testing.probe import eventually


def about(first, **more) -> bytes:
    """A notification about a subscription."""
    body = {
        "EventName": "subscription-updated",
        "ResourceUri": f"http://x/webhooks/v1/customers/{first.microsoft_tenant_id}/subscriptions/{first.microsoft_id}",
        "ResourceName": "subscription",
        "AuditUri": None,
        "ResourceChangeUtcDate": "2026-01-01T10:00:00Z",
        **more,
    }
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b'{"EventName": null}',
        b'{"EventName": "subscription-updated", "ResourceChangeUtcDate": "yesterday"}',
        b'{"EventName": "subscription-updated"',
        b"\xff\xfe\x00",
    ],
)
async def test_a_malformed_notification_is_refused_without_a_trace_however_well_it_is_signed(feed, body):
    await feed.settled()
    assert await feed.notify(body) == 400
    assert await feed.count("select count(*) from inbox") == 0
    assert await feed.count("select count(*) from reads") == 0


async def test_a_body_beyond_the_limit_is_refused_while_it_is_read(feed):
    first = await feed.a_subscription()
    assert await feed.notify(about(first, Padding="x" * 70_000)) == 413
    assert await feed.count("select count(*) from inbox") == 0


async def test_another_resellers_address_takes_nothing(feed):
    first = await feed.a_subscription()
    assert await feed.notify(about(first), reseller="res_other") == 404
    assert await feed.count("select count(*) from inbox") == 0


async def test_a_replayed_notification_is_answered_and_forgotten(feed):
    first = await feed.a_subscription()
    await feed.control("DELETE", "/requests")
    assert [await feed.notify(about(first)) for _ in range(3)] == [200, 200, 200]
    await feed.settled()
    assert len(await feed.requests("customers.subscriptions.get")) == 1
    assert await feed.notify(about(first)) == 200
    await feed.settled()
    assert len(await feed.requests("customers.subscriptions.get")) == 1
    assert await feed.count("select count(*) from inbox") == 1


async def test_an_unknown_event_is_parked_without_its_secrets_and_the_next_one_goes_on(feed):
    first = await feed.a_subscription()
    await feed.control("DELETE", "/requests")
    unknown = about(
        first, EventName="licence-evaporated", AccessToken="tell-nobody", ContactEmail="a@b.example"
    )
    assert await feed.notify(unknown) == 200
    assert await feed.notify(about(first)) == 200

    async def read():
        return await feed.requests("customers.subscriptions.get")

    assert len(await eventually(read)) == 1
    async with feed.database.connection() as connection:
        row = await (
            await connection.execute("select body, reason from inbox where state = 'parked'")
        ).fetchone()
    assert row["body"]["EventName"] == "licence-evaporated"
    assert "tell-nobody" not in json.dumps(row["body"])
    assert "a@b.example" not in json.dumps(row["body"])
    assert row["reason"]


async def compared(feed) -> None:
    """Every customer is compared now."""
    await feed.advance("PT1H")
    async with feed.database.connection() as connection:
        await connection.execute(
            "update tenants set compare_at = %s, compare_channel = 'comparison', compare_claimed_until = null",
            [feed.clock.now()],
        )
        await connection.execute("select pg_notify('csp_feed_tenants', '')")
    await feed.settled()


async def gone(feed):
    return [each for each in await feed.observed() if each.state is None]


async def test_a_list_that_lacks_half_of_its_items_deletes_nothing(feed):
    first = await feed.a_subscription()

    def half(path, body):
        if path.endswith("/subscriptions") and "items" in body:
            body["items"] = body["items"][1::2]
        return body

    feed.upstream.spoil = half
    await feed.control("DELETE", "/requests")
    await compared(feed)
    assert await feed.requests("customers.subscriptions.get")
    assert await gone(feed) == []
    assert await feed.count("select count(*) from resources where is_gone") == 0
    assert first.state is not None


async def test_a_list_of_customers_that_is_cut_short_loses_nobody(feed):
    await feed.settled()
    before = await feed.count("select count(*) from tenants where not is_gone")

    def cut(path, body):
        if path == "/v1/customers" and "items" in body:
            body["items"], body["links"] = body["items"][:1], {}
        return body

    feed.upstream.spoil = cut
    lister = next(worker for name, worker in feed.service.workers if name == "lister")
    lister._next.clear()
    await lister.step()
    await feed.settled()
    assert await gone(feed) == []
    assert await feed.count("select count(*) from tenants where not is_gone") == before


async def test_a_truncated_answer_is_a_failure_and_no_list(feed):
    await feed.settled()
    fault = {"operation": "customers.subscriptions.list", "kind": "truncated", "count": 1000}
    await feed.control("POST", "/faults", fault)
    with pytest.raises(PartnerCenterError):
        await feed.client.as_reseller("res_north").subscriptions.of_customer(
            (await feed.observed(resource="tenant"))[0].microsoft_id
        )
    await feed.advance("PT1H")
    assert await gone(feed) == []


async def test_an_item_that_cannot_be_read_is_parked_and_the_others_are_told(feed):
    first = await feed.a_subscription()

    def spoilt(path, body):
        if path.endswith(f"{first.microsoft_tenant_id}/subscriptions"):
            for item in body["items"]:
                if item["id"].lower() == first.microsoft_id:
                    item["quantity"], item["contactEmail"] = "many", "a@b.example"
        return body

    feed.upstream.spoil = spoilt
    await compared(feed)
    async with feed.database.connection() as connection:
        rows = await (
            await connection.execute("select * from parked_items where source = 'subscriptions'")
        ).fetchall()
    assert [row["raw"]["quantity"] for row in rows] == ["many"]
    assert "a@b.example" not in json.dumps(rows[0]["raw"])
    assert await gone(feed) == []


async def test_an_unknown_word_of_microsofts_is_told_as_it_is_and_stops_nothing(feed):
    first = await feed.a_subscription()

    def new_word(path, body):
        for item in [body, *body.get("items", [])] if isinstance(body, dict) else []:
            if str(item.get("id", "")).lower() == first.microsoft_id:
                item["status"] = "hibernating"
        return body

    feed.upstream.spoil = new_word
    assert await feed.notify(about(first)) == 200
    told = await feed.eventually(2, microsoft_id=first.microsoft_id)
    assert told[-1].state["status"] == "hibernating"
