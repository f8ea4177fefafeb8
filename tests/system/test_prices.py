"""Prices through the public API and the command: lists in and out, margin rules, and an edit whose effect is seen first."""

from datetime import date, timedelta
from typing import Any

import pytest

from csp_testing.person import Person
from csp_testing.probe import eventually
from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("story")]


def check_billing_start(reseller: Person, running: Running, subscription: dict[str, Any]) -> str:
    """What the first synchronisation found is billed from the open window on, until its reseller says otherwise."""
    path = f"/subscriptions/{subscription['id']}"
    change = f"{path}/change-billing-start"
    read = reseller.http.get(path)
    before, tag = read.json()["billing_from"], {"If-Match": read.headers["ETag"]}
    assert before is not None
    earlier = (date.fromisoformat(before) - timedelta(days=7)).isoformat()
    began = date.fromisoformat(subscription["started_at"][:10])
    too_early = {"billing_from": (began - timedelta(days=1)).isoformat()}
    refused = reseller.post(change, too_early, 422)
    (broken,) = refused["invalid_parameters"]
    assert (broken["field"], broken["rule"]) == ("billing_from", "not_before_start")
    wish = {"billing_from": max(earlier, began.isoformat())}
    made = reseller.post(change, wish, **tag)
    assert (made["previous"], made["billing_from"]) == (before, wish["billing_from"])
    assert made["version"] > read.json()["version"]
    reseller.post(change, {"billing_from": before}, 412, **tag)
    viewer = ("--as", "customer-admin", "--customer", subscription["customer_id"])
    with Person(running, "/portal/v1", *viewer) as own:
        assert own.http.post(change, json=wish).status_code == 404
        assert "billing_from" not in own.get(path)
    return wish["billing_from"]


async def test_prices_from_the_list_to_the_customer(data_folder, tmp_path):
    with Running(data_folder) as running, Person(running, "/v1") as reseller:

        async def priced() -> Any:
            found = reseller.get("/subscriptions", **{"page[size]": 500})["data"]
            return [
                each for each in found if each["cost"] and each["customer_id"] and each["status"] == "active"
            ] or None

        subscription = (await eventually(priced, within=60.0, what="subscriptions with a cost"))[0]
        currency = subscription["cost"]["currency"]
        rules = {
            "currency": currency,
            "valid_from": "2020-01-01",
            "rules": [{"product": subscription["product"], "add_percent": "20"}],
        }
        row = {
            "product": subscription["product"],
            "term": subscription["term"],
            "charge_cycle": subscription["charge_cycle"],
            "currency": currency,
            "unit_price": "20.00",
            "valid_from": "2020-01-01",
        }

        refused = tmp_path / "refused.csv"
        template = running.csp("prices", "template").stdout
        refused.write_text(template + f"{row['product']},P1Y,P1M,commercial,{currency},ten,2020-01-01,,no\n")
        told = running.csp("prices", "import", str(refused), "--dry-run")
        assert told.returncode == 1
        assert "unit_price (decimal)" in told.stdout, told.stdout + told.stderr
        told = running.csp("prices", "import", str(refused))
        assert told.returncode == 1
        assert "line 2: unit_price (decimal)" in told.stderr

        reseller.post("/price-lists/global/rules", {"rules": [row]})
        listed = reseller.get("/price-lists/global/rules", **{"filter[product]": row["product"]})["data"]
        one = reseller.http.get(f"/price-lists/global/rules/{listed[0]['id']}")
        assert one.json()["versions"][0]["unit_price"]["amount"] == "20.00"

        async def locked() -> Any:
            found = reseller.get(f"/subscriptions/{subscription['id']}")
            return found if found["price"] else None

        await eventually(locked, within=40.0, what="the subscription has its price")
        # Of the subscription's term: the later price of the list is for purchases and renewals from now on.
        reseller.post("/price-lists/global/rules", {"rules": [row | {"unit_price": "21"}]})
        stale = {"If-Match": one.headers["ETag"]}
        reseller.post("/price-lists/global/rules", {"rules": [row]}, 412, **stale)
        assert reseller.post("/price-lists/global/margin-rules/preview", rules)["refused"] == 0

        exported = tmp_path / "prices.csv"
        assert running.csp("prices", "export", "--to", str(exported)).returncode == 0
        again = running.csp("prices", "import", str(exported))
        assert "0 new, 0 changed, 1 unchanged" in again.stdout, again.stdout + again.stderr

        # The imported book is billed, and priced, from the day on which it was first seen.
        edit = {
            "from_on": running.ready().json()["now"][:10],
            "until_on": None,
            "unit_price": "15",
            "currency": currency,
            "reason": "agreed",
        }
        path = f"/subscriptions/{subscription['id']}/price-edits"
        effect = reseller.post(f"{path}/preview", edit)
        assert effect["previous_unit_price"]["amount"] == "20.00"
        assert effect["unit_price"]["amount"] == "15.00"
        assert reseller.get(path)["data"] == []
        reseller.post(path, edit | {"reason": ""}, 422)
        reseller.post(path, edit, 201)
        viewer = ("--as", "customer-viewer", "--customer", subscription["customer_id"])
        with Person(running, "/portal/v1", *viewer) as own:
            (seen,) = own.get(path)["data"]
            assert (seen["reason"], seen["unit_price"]["amount"]) == ("agreed", "15.00")
            assert own.http.post(path, json=edit).status_code == 405
            assert own.http.get("/price-lists/global/rules").status_code == 404

        moved_to = check_billing_start(reseller, running, subscription)

        async def moved() -> Any:
            return reseller.get(f"/subscriptions/{subscription['id']}")["billing_from"] == moved_to

        await eventually(moved, within=20.0, what="the screen shows from when it is billed")
        last = reseller.get(f"/subscriptions/{subscription['id']}/history", **{"page[size]": 500})["data"]
        assert {"billing_from": moved_to} in [
            each["details"] for each in last if each["what"] == "billing_start_changed"
        ]

        customer = f"/customers/{subscription['customer_id']}/settings"
        setting = {"setting": "price_change_policy", "value": "at_next_cycle", "effective_on": "2026-01-01"}
        reseller.post(customer, setting, 201)
        reseller.post(customer, setting | {"value": "sometimes"}, 422)
        running.interrupt()
