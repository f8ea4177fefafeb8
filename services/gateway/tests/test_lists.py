"""How lists are asked: filters with operators, an order, what else to answer. What a list does not know is refused by name."""

import base64
import json
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csp_testing.screens import CUSTOMER, RESELLER, SUBSCRIPTION, TENANT

FIRST = date(2026, 5, 1)
MANY = 24


@pytest.fixture
async def many(surfaces, worker):
    """The surfaces, and more subscriptions: figures that repeat, and days that are not there."""
    async with worker.transaction() as tx:
        await tx.execute("delete from subscriptions")
        for number in range(MANY):
            ends = None if number % 4 == 0 else FIRST + timedelta(days=number % 5)
            await tx.execute(
                "insert into subscriptions (subscription_id, reseller_id, customer_id, tenant_id, microsoft_subscription_id, "
                "product, product_title, commerce, term, charge_cycle, quantity, consumed, status, auto_renew, "
                "commitment_ends_on, seat_lots, currency, origin, started_at, version, updated_at) values (%s, %s, %s, %s, %s, "
                "'p:1', %s, 'nce', 'P1Y', 'P1M', %s, %s, %s, true, %s, '[]', 'EUR', 'api', %s, 1, %s)",
                [
                    f"sub_{number:02}",
                    RESELLER,
                    CUSTOMER,
                    TENANT,
                    f"ms-{number}",
                    f"Title {number % 3}",
                    number % 6 + 1,
                    None if number % 5 == 0 else number,
                    ("active", "suspended", "cancelled")[number % 3],
                    ends,
                    f"2026-03-{number % 7 + 1:02}T09:00:00Z",
                    "2026-03-09T09:00:00Z",
                ],
            )
    return surfaces


async def all_of(client, query):
    """Every row of a list, page by page."""
    rows, path = [], f"/subscriptions?{query}"
    while path is not None:
        page = (await client.get(path)).raise_for_status().json()
        rows += page["data"]
        path = page["meta"]["page"]["next"]
    return rows


FAR = "9999-12-31"
FIELDS = {
    "quantity": lambda row: row["quantity"],
    "consumed": lambda row: -1 if row["consumed"] is None else row["consumed"],
    "renews_on": lambda row: row["renews_on"] or FAR,
    "started_at": lambda row: row["started_at"],
    "status": lambda row: row["status"],
    "product_title": lambda row: row["product_title"],
}
COMPARED = {
    "filter[quantity]=3": lambda row: row["quantity"] == 3,
    "filter[quantity][gte]=2&filter[quantity][lt]=5": lambda row: 2 <= row["quantity"] < 5,
    "filter[status][in]=active,cancelled": lambda row: row["status"] in {"active", "cancelled"},
    "filter[id][in]=sub_03,sub_04": lambda row: row["id"] in {"sub_03", "sub_04"},
    "filter[consumed][gte]=7": lambda row: (row["consumed"] or -1) >= 7,
    "filter[end_of_term]=renew&filter[name][contains]=title": lambda row: row["end_of_term"] == "renew",
    "filter[consumed_is_shared]=true": lambda row: row["consumed_is_shared"],
    "filter[status][neq]=active": lambda row: row["status"] != "active",
    "filter[renews_on][lte]=2026-05-04": lambda row: (row["renews_on"] or FAR) <= "2026-05-04",
    "filter[renews_on][gt]=2026-05-03": lambda row: row["renews_on"] and row["renews_on"] > "2026-05-03",
    "filter[product_title][contains]=LE 1": lambda row: row["product_title"] == "Title 1",
    "filter[started_at][gt]=2026-03-03T09:00:00%2B00:00": lambda row: row["started_at"][:10] > "2026-03-03",
    "filter[external_refs.microsoft_subscription_id][in]=ms-1,ms-2": lambda row: (
        row["external_refs"]["microsoft_subscription_id"] in {"ms-1", "ms-2"}
    ),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    filters=st.lists(st.sampled_from(sorted(COMPARED)), unique=True, max_size=2),
    order=st.lists(
        st.tuples(st.sampled_from(sorted(FIELDS)), st.booleans()), unique_by=lambda each: each[0], max_size=3
    ),
    size=st.integers(3, 10),
)
async def test_pages_are_the_filtered_rows_in_the_order_asked_for_each_once(many, filters, order, size):
    _, client = many["reseller"]
    everything = await all_of(client, "page[size]=500")
    expected = [row for row in everything if all(COMPARED[each](row) for each in filters)]
    for name, is_descending in reversed(order):
        expected.sort(key=FIELDS[name], reverse=is_descending)
    if order:  # the id decides where all else is equal, in ascending order
        expected.sort(key=lambda row: row["id"])
        for name, is_descending in reversed(order):
            expected.sort(key=FIELDS[name], reverse=is_descending)
    sort = ",".join(("-" if is_descending else "") + name for name, is_descending in order)
    query = "&".join([*filters, *([f"sort={sort}"] if sort else []), f"page[size]={size}"])
    assert [row["id"] for row in await all_of(client, query)] == [row["id"] for row in expected]


@pytest.mark.parametrize(
    "query", ["", "sort=-renews_on,status&", "filter[status][neq]=active&", "sort=product_title&"]
)
@pytest.mark.parametrize("size", [1, 5, MANY // 2])
async def test_pages_are_walked_back_as_they_were_walked_forward(many, query, size):
    _, client = many["reseller"]
    path, forward = f"/subscriptions?{query}page[size]={size}", []
    while path is not None:
        page = (await client.get(path)).raise_for_status().json()
        forward.append(page["data"])
        path, back = page["meta"]["page"]["next"], page["meta"]["page"]["previous"]
    backward = [forward[-1]]
    while back is not None:
        page = (await client.get(back)).raise_for_status().json()
        backward.append(page["data"])
        assert page["meta"]["page"]["next"] is not None
        back = page["meta"]["page"]["previous"]
    assert backward[::-1] == forward


async def test_only_the_fields_that_are_asked_for_are_answered_in_a_media_type_of_their_own(many):
    _, client = many["customer"]
    answer = await client.get("/subscriptions?fields=id,quantity&page[size]=2")
    assert answer.headers["Content-Type"] == "application/vnd.csp.sparse+json"
    whole = (await client.get("/subscriptions?page[size]=2")).json()["data"]
    assert answer.json()["data"] == [{name: row[name] for name in ("id", "quantity")} for row in whole]
    refused = await client.get("/subscriptions?fields=id,cost")
    assert refused.status_code == 400
    assert refused.json()["invalid_parameters"][0]["field"] == "fields"


async def test_a_page_is_behind_a_row_or_before_one(many):
    _, client = many["reseller"]
    following = (await client.get("/subscriptions?page[size]=2")).json()["meta"]["page"]["next"]
    cursor = following.partition("page%5Bafter%5D=")[2]
    answer = await client.get(f"/subscriptions?page[after]={cursor}&page[before]={cursor}")
    assert answer.status_code == 422
    assert answer.json()["invalid_parameters"][0]["field"] == "page[before]"


async def test_what_is_included_stands_beside_the_rows_each_once(many):
    _, client = many["reseller"]
    page = (await client.get("/subscriptions?include=tenant,customer,total_estimate&page[size]=3")).json()
    assert [each["id"] for each in page["included"]["tenants"]] == [TENANT]
    assert [each["id"] for each in page["included"]["customers"]] == [CUSTOMER]
    assert page["meta"]["total_estimate"] == {"count": MANY, "is_exact": True}
    plain = (await client.get("/subscriptions")).json()
    assert plain["included"] is None
    assert plain["meta"]["total_estimate"] is None


async def test_a_customer_can_include_its_tenants_and_nothing_of_the_resellers(many):
    _, client = many["customer"]
    page = (await client.get("/subscriptions?include=tenant")).json()
    assert page["included"] == {"tenants": [(await client.get(f"/tenants/{TENANT}")).json()]}
    refused = await client.get("/subscriptions?include=customer")
    assert refused.status_code == 400
    assert refused.json()["invalid_parameters"] == [
        {
            "field": "include",
            "rule": "unknown",
            "reason": "cannot include 'customer'",
            "source": "query",
            "choices": ["total_estimate", "tenant"],
        }
    ]


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("filter[colour]=red", 400, "filter[colour]"),
        ("filter[status][lt]=active", 400, "filter[status][lt]"),
        ("filter[renews_on][in]=2026-05-01", 400, "filter[renews_on][in]"),
        ("sort=colour", 400, "sort"),
        ("sort=quantity,-quantity", 400, "sort"),
        ("sort=", 400, "sort"),
        ("include=invoices", 400, "include"),
        ("filter[renews_on][lt]=soon", 422, "filter[renews_on][lt]"),
        ("filter[quantity][gte]=many", 422, "filter[quantity][gte]"),
        ("filter[started_at][gt]=2026-03-01", 422, "filter[started_at][gt]"),
        ("filter[term]=P2Y", 422, "filter[term]"),
        ("filter[term][in]=P1Y,P2Y", 422, "filter[term][in]"),
    ],
)
async def test_filters_orders_and_extras_that_are_not_there_are_named(many, query, status, field):
    _, client = many["reseller"]
    answer = await client.get(f"/subscriptions?{query}")
    assert answer.status_code == status, answer.text
    assert answer.json()["invalid_parameters"][0]["field"] == field


async def test_a_cursor_belongs_to_its_filters_and_its_order(many):
    _, client = many["reseller"]
    following = (await client.get("/subscriptions?sort=quantity&page[size]=2")).json()["meta"]["page"]["next"]
    cursor = following.partition("page%5Bafter%5D=")[2]
    for query in ("sort=-quantity", "sort=quantity&filter[status]=active", ""):
        answer = await client.get(f"/subscriptions?{query}&page[after]={cursor}")
        assert answer.status_code == 422
        assert answer.json()["invalid_parameters"][0]["reason"] == "belongs to other filters"


@pytest.mark.parametrize(
    "key", [[], [1], ["a", "b"], ["x" * 10], [None], [[1]], ["\0", "a"], ["1", "2", "3"]]
)
@pytest.mark.parametrize("query", ["sort=renews_on", "sort=-started_at,quantity", ""])
async def test_a_cursor_that_somebody_wrote_is_refused(many, query, key):
    _, client = many["reseller"]
    path = f"/subscriptions?{query}&page[size]=1"
    cursor = (await client.get(path)).json()["meta"]["page"]["next"].partition("page%5Bafter%5D=")[2]
    read = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps({**read, "k": key}).encode()).decode().rstrip("=")
    answer = await client.get(f"{path}&page[after]={forged}")
    if len(key) != len(read["k"]) or "\0" in key or query:
        assert answer.status_code == 422, answer.text
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("direction", ["after", "before"])
async def test_an_empty_cursor_is_none_of_ours(many, direction):
    _, client = many["reseller"]
    answer = await client.get(f"/subscriptions?page[{direction}]=")
    assert answer.status_code == 422, answer.text
    assert "is not a cursor" in answer.text


async def test_history_is_paged_and_filtered(surfaces):
    _, client = surfaces["customer"]
    path = f"/subscriptions/{SUBSCRIPTION}/history"
    everything = (await client.get(path)).json()["data"]
    assert len(everything) > 1
    first = (await client.get(f"{path}?page[size]=1")).json()
    rest = (await client.get(first["meta"]["page"]["next"])).json()
    assert [*first["data"], *rest["data"]] == everything[: 1 + len(rest["data"])]
    what = everything[0]["what"]
    found = (await client.get(f"{path}?filter[what]={what}")).json()["data"]
    assert found == [entry for entry in everything if entry["what"] == what]


async def test_a_reseller_finds_a_tenant_by_microsofts_id(surfaces):
    _, client = surfaces["reseller"]
    found = (await client.get("/tenants?filter[microsoft_tenant_id]=m&include=customer")).json()
    assert [each["id"] for each in found["data"]] == [TENANT]
    assert [each["id"] for each in found["included"]["customers"]] == [CUSTOMER]
