"""Lists that another service keeps speak the same language: filters on all that they show, pages both ways."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI

MONEY = {"amount": "31.00", "currency": "EUR"}
MANY = 450
START = datetime(2026, 3, 1, tzinfo=UTC)


def adjustment(number):
    granted = (START + timedelta(hours=number)).isoformat().replace("+00:00", "Z")
    return {
        "id": f"adj_{number:03}",
        "customer_id": f"cus_{number % 3}",
        "subscription_id": f"sub_{number % 50}",
        "amount": MONEY,
        "text": "a credit",
        "line_id": None if number % 2 else f"lin_{number}",
        "granted_at": granted,
        "granted_by": "usr_ada",
    }


ROWS = [adjustment(number) for number in range(MANY)]


@pytest.fixture
def asked(peers):
    """Billing with many adjustments, and how often it was asked for a piece of them."""
    app, calls = FastAPI(), []

    @app.get("/internal/v1/adjustments")
    async def adjustments(limit: int, after_id: str = "", customer_id: str | None = None):
        calls.append(limit)
        rows = [row for row in ROWS if row["id"] > after_id and customer_id in (None, row["customer_id"])]
        return rows[:limit]

    peers.apps["billing"] = app
    return calls


async def walk(client, path):
    """All pages, and the address of the one before the last."""
    pages, back = [], None
    while path is not None:
        page = (await client.get(path)).raise_for_status().json()
        pages.append(page["data"])
        path, back = page["meta"]["page"]["next"], page["meta"]["page"]["previous"]
    return pages, back


CONDITIONS = {
    "filter[subscription_id][in]=sub_1,sub_7": lambda row: row["subscription_id"] in {"sub_1", "sub_7"},
    "filter[customer_id][neq]=cus_1&filter[line_id][neq]=lin_0": lambda row: (
        row["customer_id"] != "cus_1" and row["line_id"] != "lin_0"
    ),
    "filter[granted_at][gte]=2026-03-10T00:00:00Z&filter[customer_id]=cus_2": lambda row: (
        row["granted_at"] >= "2026-03-10" and row["customer_id"] == "cus_2"
    ),
    "filter[line_id]=lin_444": lambda row: row["line_id"] == "lin_444",
    "filter[granted_by]=usr_nobody": lambda _: False,
}


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("size", [7, 100])
async def test_conditions_that_the_owner_does_not_know_hold_over_all_pages(surfaces, asked, condition, size):
    client = surfaces["reseller"][1]
    pages, _ = await walk(client, f"/adjustments?{condition}&page[size]={size}")
    expected = [row for row in ROWS if CONDITIONS[condition](row)]
    assert [row["id"] for page in pages for row in page] == [row["id"] for row in expected]
    assert all(len(page) == size for page in pages[:-1])
    assert max(asked) == 201, "conditions are applied to large pieces"


async def test_an_owner_is_asked_for_no_more_than_the_page_where_it_knows_the_condition(surfaces, asked):
    await surfaces["reseller"][1].get("/adjustments?filter[customer_id]=cus_1&page[size]=5")
    assert asked == [6]


async def test_pages_of_an_owner_are_walked_back(surfaces, asked):
    client = surfaces["reseller"][1]
    pages, back = await walk(client, "/adjustments?page[size]=50")
    for page in pages[-2::-1]:
        found = (await client.get(back)).json()
        assert found["data"] == page
        back = found["meta"]["page"]["previous"]
    assert back is None


async def test_of_a_long_walk_the_last_twenty_pages_are_known(surfaces, asked):
    client = surfaces["reseller"][1]
    pages, back = await walk(client, "/adjustments?page[size]=10")
    steps = 0
    while back is not None:
        found = (await client.get(back)).json()
        steps += 1
        assert found["data"] == pages[-1 - steps]
        back = found["meta"]["page"]["previous"]
    assert steps == 20


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("filter[colour]=red", 400, "filter[colour]"),
        ("filter[granted_at][in]=2026-03-10T00:00:00Z", 400, "filter[granted_at][in]"),
        ("filter[granted_at][gt]=yesterday", 422, "filter[granted_at][gt]"),
        ("fields=colour", 400, "fields"),
        ("sort=id", 400, "sort"),
    ],
)
async def test_what_such_a_list_does_not_take_is_named(surfaces, asked, query, status, field):
    answer = await surfaces["reseller"][1].get(f"/adjustments?{query}")
    assert (answer.status_code, answer.json()["invalid_parameters"][0]["field"]) == (status, field)


async def test_only_some_fields_of_an_owners_rows(surfaces, asked):
    answer = await surfaces["reseller"][1].get("/adjustments?fields=amount,id&page[size]=1")
    assert answer.json()["data"] == [{"amount": MONEY, "id": "adj_000"}]
