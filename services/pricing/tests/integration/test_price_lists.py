"""Price lists: versions never change, previews price nothing, imports are all or nothing, derived rows show their formula."""

import asyncio

import pytest

from csp_contracts.pricing_v1 import PriceListRowChanged, PriceListRowsChanged
from csp_runtime.scope import Role

PREMIUM = "CFQ7TTC0LH18:0001"
HEADER = "product,term,charge_cycle,segment,currency,unit_price,valid_from,valid_until,preview\n"
ROW_ID = f"{PREMIUM}|P1Y|P1M|commercial|EUR|2026-01-01"


def line(price, *, code=PREMIUM, valid_from="2026-01-01", until="", preview="no"):
    return f"{code},P1Y,P1M,commercial,EUR,{price},{valid_from},{until},{preview}\n"


async def price_of(pricing, customer=None):
    query = "" if customer is None else f"?customer_id={customer}"
    (found,) = (await pricing.get(f"/products{query}")).json()
    return found["unit_price_micro"]


async def rows_of(pricing, query=""):
    return (await pricing.get(f"/price-rows{query}")).json()


async def test_a_change_is_a_new_version_and_the_old_one_stays(pricing):
    await pricing.lists("20")
    await pricing.lists("21")
    row = (await pricing.get(f"/price-row?row_id={ROW_ID}")).json()
    assert [(each["version"], each["unit_price_micro"]) for each in row["versions"]] == [
        (1, 20_000_000),
        (2, 21_000_000),
    ]
    assert (row["version"], await price_of(pricing)) == (2, 21_000_000)
    assert row["versions"][0]["actor"]


async def test_a_row_that_ended_prices_nothing_although_an_older_version_was_open(pricing):
    await pricing.lists("20")
    assert await price_of(pricing) == 20_000_000
    body = {"row_id": ROW_ID, "valid_until": "2026-02-16"}
    assert (await pricing.post("/price-row-ends", body)).status_code == 200
    assert await price_of(pricing) is None


async def test_a_row_may_be_taken_back_but_not_end_before_it_began(pricing):
    await pricing.lists("20")
    body = {"row_id": ROW_ID, "valid_until": "2025-12-31"}
    answer = await pricing.post("/price-row-ends", body)
    assert answer.json()["invalid_parameters"][0]["field"] == "valid_until"
    assert (await pricing.post("/price-row-ends", body | {"valid_until": "2026-01-01"})).is_success
    assert await price_of(pricing) is None
    unknown = body | {"row_id": "x"}
    assert (await pricing.post("/price-row-ends", unknown)).status_code == 404


async def test_a_preview_is_shown_and_prices_nothing_until_it_is_set_again(pricing):
    await pricing.lists("20", preview=True)
    assert (await rows_of(pricing))[0]["preview"] is True
    assert await price_of(pricing) is None
    await pricing.lists("20")
    assert await price_of(pricing) == 20_000_000


async def test_a_list_is_paged_and_filtered(pricing):
    for number in range(3):
        await pricing.lists(str(20 + number), product=f"P:{number}")
    await pricing.lists("30", valid_from="2027-01-01")
    first = await rows_of(pricing, "?limit=2")
    rest = await rows_of(pricing, f"?limit=5&after={first[-1]['row_id']}")
    assert len({row["row_id"] for row in [*first, *rest]}) == 4
    assert [row["product"] for row in await rows_of(pricing, "?product=P:1")] == ["P:1"]
    assert len(await rows_of(pricing, "?valid_on=2026-06-01")) == 3
    assert await rows_of(pricing, "?preview=true") == []


async def test_a_version_that_is_not_the_present_one_is_refused(pricing):
    made = await pricing.lists("20")
    body = {"customer_id": None, "rows": [(await _row("21"))]}
    headers = pricing.headers() | {"Idempotency-Key": "e", "X-Expected-Version": str(made["version"] - 1)}
    answer = await pricing.http.post("/internal/v1/price-rows", json=body, headers=headers)
    assert (answer.status_code, answer.json()["version"]) == (412, 1)
    headers |= {"X-Expected-Version": str(made["version"]), "Idempotency-Key": "f"}
    assert (await pricing.http.post("/internal/v1/price-rows", json=body, headers=headers)).is_success


async def _row(price):
    row = {"product": PREMIUM, "term": "P1Y", "charge_cycle": "P1M", "currency": "EUR"}
    return row | {"unit_price": price, "valid_from": "2026-01-01"}


async def test_two_who_change_a_list_at_once_both_get_their_version(pricing):
    await asyncio.gather(*(pricing.lists(str(20 + number)) for number in range(3)))
    row = (await pricing.get(f"/price-row?row_id={ROW_ID}")).json()
    assert [each["version"] for each in row["versions"]] == [1, 2, 3]


async def test_a_charge_cycle_longer_than_the_term_is_refused(pricing):
    row = await _row("20")
    answer = await pricing.post("/price-rows", {"rows": [row | {"term": "P1M", "charge_cycle": "P1Y"}]})
    assert [each["field"] for each in answer.json()["invalid_parameters"]] == ["rows.0.charge_cycle"]


async def test_a_dry_run_tells_each_line_and_writes_nothing(pricing):
    await pricing.lists("20")
    text = HEADER + line("20") + line("21", valid_from="2026-03-01") + line("ten", code="P:9")
    answer = (await pricing.post("/price-lists/import-checks", {"csv": text})).json()
    assert answer["counts"] == {"new": 1, "changed": 0, "unchanged": 1, "refused": 1}
    assert [(row["line"], row["result"]) for row in answer["rows"]] == [
        (2, "unchanged"),
        (3, "new"),
        (4, "refused"),
    ]
    assert answer["rows"][2]["faults"][0]["field"] == "unit_price"
    assert len(await rows_of(pricing)) == 1


async def test_an_import_with_a_fault_writes_nothing_at_all(pricing):
    text = HEADER + line("20") + line("-1", code="P:9")
    answer = await pricing.post("/price-lists/imports", {"csv": text})
    assert answer.status_code == 422
    (fault,) = answer.json()["invalid_parameters"]
    assert (fault["field"], fault["rule"]) == ("line 3: unit_price", "range")
    assert await rows_of(pricing) == []


async def test_a_partial_import_takes_what_it_can(pricing):
    text = HEADER + line("20") + line("-1", code="P:9")
    answer = (await pricing.post("/price-lists/imports", {"csv": text, "partial": True})).json()
    assert answer["counts"] == {"new": 1, "changed": 0, "unchanged": 0, "refused": 1}
    assert await price_of(pricing) == 20_000_000


async def test_an_import_of_an_export_changes_nothing(pricing):
    await pricing.lists("20")
    await pricing.lists("1.234567", product="P:2", valid_until="2026-12-31")
    text = (await pricing.get("/price-lists/export")).text
    answer = (await pricing.post("/price-lists/imports", {"csv": text})).json()
    assert answer["counts"] == {"new": 0, "changed": 0, "unchanged": 2, "refused": 0}
    assert len(await pricing.written(PriceListRowsChanged)) == 0


async def test_a_large_import_is_one_transaction_in_few_events(pricing):
    text = HEADER + "".join(line("20", code=f"P:{number}") for number in range(1001))
    answer = (await pricing.post("/price-lists/imports", {"csv": text}, key="big")).json()
    assert answer["counts"]["new"] == 1001
    events = await pricing.written(PriceListRowsChanged)
    assert [len(event.rows) for event in events] == [200, 200, 200, 200, 200, 1]
    assert (await pricing.post("/price-lists/imports", {"csv": text}, key="big")).json() == answer
    assert len(await pricing.written(PriceListRowsChanged)) == 6
    assert (await pricing.get("/price-lists/export")).text.count("\r\n") == 1002


async def test_an_unknown_product_is_noted(pricing):
    answer = (
        await pricing.post("/price-lists/import-checks", {"csv": HEADER + line("1", code="P:9")})
    ).json()
    assert answer["rows"][0]["note"] == "the product is not in the catalogue now"


async def test_margin_rules_write_rows_that_show_their_formula(pricing):
    await pricing.costs(10_000_000)
    rules = {"currency": "EUR", "valid_from": "2026-02-01", "rules": [{"add_percent": "25"}]}
    seen = (await pricing.post("/price-lists/margin-rule-checks", rules)).json()
    assert await price_of(pricing) is None
    done = (await pricing.post("/price-lists/margin-rules", rules)).json()
    assert seen["rows"] == done["rows"]
    assert done["rows"][0]["formula"] == "cost 10.00 + 25%, nearest to 0.01"
    assert await price_of(pricing) == 12_500_000
    assert (await rows_of(pricing))[0]["formula"] == "cost 10.00 + 25%, nearest to 0.01"
    # A later cost changes nothing that was written.
    await pricing.costs(11_000_000, "2026-02-10")
    assert await price_of(pricing) == 12_500_000


async def test_the_first_rule_that_matches_counts_and_products_without_cost_are_named(pricing):
    rules = {
        "currency": "EUR",
        "valid_from": "2026-02-01",
        "rules": [{"product": PREMIUM, "add_percent": "10"}, {"add_percent": "50"}],
    }
    done = (await pricing.post("/price-lists/margin-rules", rules)).json()
    assert [each["product"] for each in done["without_base"]] == [PREMIUM]
    await pricing.costs(10_000_000)
    done = (await pricing.post("/price-lists/margin-rules", rules)).json()
    assert done["rows"][0]["unit_price_micro"] == 11_000_000


async def test_rules_that_lead_below_zero_or_to_no_price_at_all_write_nothing(pricing):
    await pricing.costs(10_000_000)
    for amount in ("-11", "1000000000"):
        rules = {"currency": "EUR", "valid_from": "2026-02-01", "rules": [{"add_amount": amount}]}
        assert (await pricing.post("/price-lists/margin-rules", rules, key=amount)).status_code == 422
    assert await rows_of(pricing) == []


async def test_a_customers_list_wins_and_is_nobody_elses(pricing):
    await pricing.has_customer("cus_a")
    await pricing.has_customer("cus_b")
    await pricing.lists("20")
    await pricing.lists("18", customer="cus_a")
    assert [await price_of(pricing, each) for each in ("cus_a", "cus_b")] == [18_000_000, 20_000_000]
    changed = await pricing.written(PriceListRowChanged)
    assert [event.customer_id for event in changed] == [None, "cus_a"]
    assert (await pricing.get("/price-rows?customer_id=cus_x")).status_code == 404
    await pricing.has_reseller("res_south")
    assert (await pricing.get("/price-rows", reseller="res_south")).json() == []


@pytest.mark.parametrize(
    "path", ["/price-rows", "/price-lists/imports", "/price-lists/margin-rules", "/price-row-ends"]
)
async def test_only_who_may_price_changes_lists(pricing, path):
    bodies = {
        "/price-rows": {"rows": [await _row("1")]},
        "/price-lists/imports": {"csv": HEADER},
        "/price-lists/margin-rules": {"currency": "EUR", "valid_from": "2026-02-01", "rules": [{}]},
        "/price-row-ends": {"row_id": ROW_ID, "valid_until": "2026-02-01"},
    }
    answer = await pricing.post(path, bodies[path], role=Role.RESELLER_SUPPORT)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/price-rows", "/price-lists/export", f"/price-row?row_id={ROW_ID}"])
async def test_no_customer_sees_a_price_list(pricing, path):
    await pricing.has_customer("cus_a")
    answer = await pricing.get(path, role=Role.CUSTOMER_ADMIN, customer="cus_a")
    assert answer.status_code == 403
