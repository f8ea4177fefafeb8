"""A subscription that moves here from another partner keeps its term, is discovered by itself, and is charged once (R9.10)."""

import contextlib
from datetime import date, timedelta

import httpx
import pytest
from rich.console import Console

from csp_cli.demo_api import World
from csp_runtime.auth import DevelopmentIssuer
from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("story")]

ITEM = "CFQ7TTC0LH18:0001"


class Partners:
    """Two partners of one simulator, each with tokens of its own."""

    def __init__(self, running: Running) -> None:
        self._base = running.facts["simulator"]
        self.ours = running.facts["microsoft_tenant_id"]
        listed = httpx.get(f"{self._base}/_control/partners").json()
        self.theirs = next(each["tenant_id"] for each in listed if each["tenant_id"] != self.ours)

    def act(self, partner: str, action: str, **given: object) -> dict[str, str]:
        body = {"as": "portal_user", "tenant_id": partner, "action": action, **given}
        answer = httpx.post(f"{self._base}/_control/act", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def call(self, partner: str, method: str, path: str, body: object = None) -> dict:
        asked = {"tenant_id": partner, "kind": "app_user"}
        token = httpx.post(f"{self._base}/_control/tokens", json=asked).json()["access_token"]
        answer = httpx.request(
            method, f"{self._base}/v1{path}", json=body, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.is_success, answer.text
        return answer.json()


def priced(world: World, unit_price: str) -> None:
    """A global price for the product."""
    chosen = {"filter[term]": "P1Y", "filter[charge_cycle]": "P1M", "page[size]": 500}
    product = next(
        each for each in world.reseller.get("/products", **chosen)["data"] if each["product"].upper() == ITEM
    )
    rule = {name: product[name] for name in ("product", "term", "charge_cycle", "segment")}
    rule |= {"unit_price": unit_price, "currency": product["cost"]["currency"], "valid_from": "2000-01-01"}
    world.reseller.post("/price-lists/global/rules", {"rules": [rule]})


def customer(world: World) -> str:
    address = {
        "line1": "1 Main St",
        "city": "Seattle",
        "state": "WA",
        "postal_code": "98101",
        "country": "US",
    }
    contact = {"first_name": "Ruth", "last_name": "Frost", "email": "ruth@moving.example"}
    return str(
        world.reseller.post("/customers", {"name": "Moving Ltd", "address": address, "contact": contact})[
            "id"
        ]
    )


def test_a_subscription_from_another_partner_keeps_its_term_and_is_charged_once(data_folder):
    with (
        Running(data_folder) as running,
        contextlib.closing(
            World(running.facts, DevelopmentIssuer(data_folder), Console(quiet=True))
        ) as world,
    ):
        partners = Partners(running)
        made = partners.act(
            partners.theirs,
            "create_customer",
            company_name="Moving Ltd",
            domain="moving.onmicrosoft.com",
            country="US",
        )
        tenant = made["customer_id"]
        bought = partners.act(
            partners.theirs,
            "buy",
            customer_id=tenant,
            catalog_item_id=ITEM,
            quantity=5,
            term="P1Y",
            billing_cycle="monthly",
        )
        # They have paid their month; ten days of it are over when it moves.
        world.advance_to(world.now().date() + timedelta(days=10))
        before = partners.call(
            partners.theirs, "GET", f"/customers/{tenant}/subscriptions/{bought['subscription_id']}"
        )
        priced(world, "31.00")
        transfer = partners.call(
            partners.theirs,
            "POST",
            f"/customers/{tenant}/transfers",
            {
                "sourcePartnerTenantId": partners.theirs,
                "targetPartnerTenantId": partners.ours,
                "lineItems": [{"subscriptionId": bought["subscription_id"]}],
            },
        )
        partners.call(partners.ours, "POST", f"/customers/{tenant}/transfers/{transfer['id']}/accept")
        world.reseller.post("/sync/refresh", {})

        def discovered():
            return [
                each
                for each in world.reseller.get("/unallocated")["data"]
                if each["domain"] == "moving.onmicrosoft.com" and each["subscriptions"]
            ]

        (found,) = world.eventually(discovered, "the tenant is discovered with its subscription")
        assert (found["subscriptions"], found["seats"]) == (1, 5)
        buyer = customer(world)
        world.reseller.post(f"/tenants/{found['tenant_id']}/link", {"customer_id": buyer})

        def listed():
            rows = world.reseller.get("/subscriptions", **{"filter[tenant_id]": found["tenant_id"]})["data"]
            return [each for each in rows if each["price"] is not None]

        (held,) = world.eventually(listed, "it is listed with its price")
        assert held["quantity"] == 5
        assert held["commitment_ends_on"] == before["commitmentEndDate"][:10]
        assert held["price"]["amount"].startswith("31.00")

        paid_until = date.fromisoformat(before["billingCycleEndDate"][:10]) + timedelta(days=1)
        world.advance_to(paid_until + timedelta(days=45))

        def lines():
            reports = world.reseller.get(
                "/billing-reports", **{"customer_id": buyer, "from": "2026-01-01", "until": "2027-12-31"}
            )
            found = []
            for each in reports["data"]:
                if each["ledger"] != "sell":
                    continue
                report = world.reseller.get(f"/billing-reports/{each['id']}")
                found += [
                    line for on in report["dates"] for group in on["subscriptions"] for line in group["lines"]
                ]
            return found

        told = sorted(
            world.eventually(lambda: lines() if len(lines()) >= 2 else None, "two cycles are in the reports"),
            key=lambda line: line["period"]["from"],
        )
        assert {line["kind"] for line in told} == {"cycle_fee"}
        # 5 x 31.00 for each month that begins here; what was paid there is not charged again.
        assert {line["amount"]["amount"] for line in told} == {"155.00"}
        assert told[0]["period"]["from"] == paid_until.isoformat()
        assert len({line["period"]["from"] for line in told}) == len(told)
