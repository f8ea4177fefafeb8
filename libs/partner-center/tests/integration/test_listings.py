"""PC 2.4: the three styles of paging, and listings that cannot be trusted."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from urllib.parse import parse_qs

import httpx
import pytest

from csp_partner_center import RequestIds, Reseller
from csp_partner_center.calls import Call
from csp_partner_center.catalogue import Offer
from csp_partner_center.errors import UnreadableAnswer
from csp_partner_center.graph import DeltaExpired
from csp_partner_center.paging import CONTINUATION, offset

Say = Callable[..., httpx.Response]


def customers(*ids: str, token: str | None = None, **extra: object) -> dict[str, object]:
    links: dict[str, object] = {"self": {"uri": "/customers?size=2", "headers": []}}
    if token:
        links["next"] = {
            "uri": "/customers?size=2?seekOperation=Next",
            "headers": [{"key": CONTINUATION, "value": token}],
        }
    return {"totalCount": 1, "items": [{"id": each} for each in ids], "links": links, **extra}


async def test_seek_paging_goes_by_token_in_a_header_and_ignores_wrong_counts(
    reseller: Reseller, microsoft, say: Say
):
    microsoft.answers(say(200, customers("a", "b", token="t1")), say(200, customers("c")))
    found = [each.id async for page in reseller.customers.pages(size=2) for each in page.items]
    second = microsoft.requests[1]
    assert found == ["a", "b", "c"]
    assert second.headers[CONTINUATION] == "t1"
    assert parse_qs(second.url.query.decode()) == {"size": ["2"], "seekOperation": ["Next"]}


async def test_a_next_page_of_customers_that_does_not_exist_is_the_end(
    reseller: Reseller, microsoft, say: Say
):
    microsoft.answers(say(200, customers("a", token="t1")), say(400, {"code": 2000}))
    assert [each.id async for page in reseller.customers.pages() for each in page.items] == ["a"]


async def test_a_listing_goes_on_where_it_was_left(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(200, customers("c")))
    found = [each.id async for page in reseller.customers.pages(continuation="t7") for each in page.items]
    assert (found, microsoft.requests[0].headers[CONTINUATION]) == (["c"], "t7")


async def test_a_listing_that_goes_round_in_circles_is_broken(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(200, customers("a", token="t1")), say(200, customers("a", token="t1")))
    with pytest.raises(UnreadableAnswer, match="circles"):
        _ = [page async for page in reseller.customers.pages()]


@pytest.mark.parametrize("body", [{"totalCount": 3}, {}, b"", {"items": None}, {"items": "x"}])
async def test_an_answer_without_a_list_is_not_an_empty_list(reseller: Reseller, microsoft, say: Say, body):
    microsoft.answers(say(200, body), say(200, body), say(200, body), say(200, body), say(200, body))
    with pytest.raises(UnreadableAnswer):
        _ = [page async for page in reseller.customers.pages()]


async def test_one_unreadable_item_is_set_aside_and_the_others_go_on(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(200, {"items": [{"id": "a"}, {"noId": True}, {"id": "b"}]}))
    (page,) = [page async for page in reseller.customers.pages()]
    assert [each.id for each in page.items] == ["a", "b"]
    assert [(each.path, each.rule) for each in page.unreadable] == [("id", "is missing")]


async def test_bare_arrays_are_lists(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(200, [{"qualification": "Education", "vettingStatus": "InReview"}]))
    assert [each.qualification for each in await reseller.customers.qualifications("c")] == ["Education"]


async def test_offset_paging_counts_what_came_and_survives_missing_links(
    reseller: Reseller, microsoft, say: Say
):
    def offers(*ids: str) -> dict[str, object]:
        return {"items": [{"id": each, "name": each} for each in ids]}

    microsoft.answers(say(200, offers("a", "b")), say(200, offers("c")))
    call = Call(operation="offers.list", method="GET", path="/offers")
    found = [each.id async for page in offset(reseller.session, Offer, call, size=2) for each in page.items]
    assert found == ["a", "b", "c"]
    assert parse_qs(microsoft.requests[1].url.query.decode()) == {"size": ["2"], "offset": ["2"]}


async def test_a_filter_is_json_in_the_query(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(200, customers("a")))
    await reseller.customers.find("Domain", "north")
    query = parse_qs(microsoft.requests[0].url.query.decode())
    assert query["size"] == ["0"]
    assert json.loads(query["filter"][0]) == {"Field": "Domain", "Value": "north", "Operator": "starts_with"}


async def test_audit_records_tell_what_when_and_by_which_call(reseller: Reseller, microsoft, say: Say):
    record = {
        "id": "p_c_subscription_update_subscription_639082785305000000",
        "customerId": "AAAA",
        "resourceType": "subscription",
        "resourceNewValue": '{"Id":"S","Quantity":8}',
        "operationType": "update_subscription",
        "originalCorrelationId": "C0FFEE",
        "operationDate": "2026-02-28T14:22:10.5000000Z",
        "operationStatus": "succeeded",
        "customizedData": [
            {"key": "SubscriptionId-0", "value": "s"},
            {"key": "SubscriptionId-1", "value": "t"},
        ],
        "somethingNew": 1,
    }
    microsoft.answers(say(200, {"items": [record]}))
    (page,) = [page async for page in reseller.audit.pages(start=date(2026, 2, 27))]
    (found,) = page.items
    assert found.original_correlation_id == "c0ffee"
    assert found.details("SubscriptionId") == ["s", "t"]
    assert found.new_value() == {"Id": "S", "Quantity": 8}
    assert (
        found.happened_at == datetime(2026, 2, 28, 0, 8, 50, 500000, tzinfo=UTC)
        or found.happened_at.year == 2026
    )
    assert "startDate=2026-02-27" in str(microsoft.requests[0].url)


async def test_graph_delta_is_followed_to_its_end_without_trusting_the_links_host(
    reseller: Reseller, microsoft, say: Say
):
    microsoft.answers(
        say(
            200,
            {
                "value": [{"id": "U1", "assignedLicenses": [{"skuId": "S"}]}],
                "@odata.nextLink": "https://evil.example/graph/v1.0/users/delta?$skiptoken=n1",
            },
        ),
        say(
            200,
            {
                "value": [{"id": "u2", "@removed": {"reason": "changed"}}],
                "@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=d1",
            },
        ),
    )
    pages = [page async for page in reseller.graph.delta("tenant-a")]
    assert [each.id for page in pages for each in page.users] == ["u1", "u2"]
    assert pages[0].users[0].assigned_licenses[0].sku_id == "s"
    assert pages[1].users[0].removed.reason == "changed"
    assert pages[1].users[0].assigned_licenses is None
    assert pages[1].delta_link.endswith("$deltatoken=d1")
    assert {sent.url.host for sent in microsoft.requests} == {"127.0.0.1"}
    assert microsoft.requests[1].url.path == "/graph/v1.0/users/delta"
    assert microsoft.token_requests[0]["path"].startswith("/tenant-a/")


async def test_a_delta_token_that_is_too_old_is_told(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(say(410, {"error": {"code": "syncStateNotFound", "message": "gone"}}))
    with pytest.raises(DeltaExpired):
        _ = [
            page
            async for page in reseller.graph.delta(
                "t", "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=x"
            )
        ]


async def test_registering_twice_replaces(reseller: Reseller, microsoft, say: Say, ids: RequestIds):
    registration = {"WebhookUrl": "https://x.example/hooks", "WebhookEvents": ["subscription-updated"]}
    microsoft.answers(say(404, None), say(409, {"code": 1}), say(200, registration))
    answer = await reseller.webhooks.register("https://x.example/hooks", ["subscription-updated"], ids)
    assert answer.value.webhook_events == ["subscription-updated"]
    assert [sent.method for sent in microsoft.requests] == ["GET", "POST", "PUT"]
    assert len({sent.headers["MS-RequestId"] for sent in microsoft.requests}) == 3
