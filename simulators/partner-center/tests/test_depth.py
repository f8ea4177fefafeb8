"""Delegated rights over Graph, voided invoices, the extended service term, exports that change (PC 1.2, 6.4, 10, 14.8)."""

from decimal import Decimal
from random import Random

import httpx
import pytest

from csp_partner_center_simulator.embed import build

BASIC = "CFQ7TTC0LH18:0001"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
RELATIONSHIPS = "/graph/v1.0/tenantRelationships/delegatedAdminRelationships"


async def graph_call(service, method, path, json=None):
    token = await service.token(audience="graph")
    return await service.http.request(
        method,
        path.removeprefix("http://simulator.test"),
        json=json,
        headers={"Authorization": f"Bearer {token}"},
    )


async def test_a_delegated_relationship_gives_its_roles_once_approved_and_assigned_until_it_ends(service):
    customer = await service.customer()
    await service.act("change_gdap_roles", customer_id=customer, roles=[])
    users = f"/v1/customers/{customer}/users"
    assert (await service.call("GET", users)).json()["code"] == 900308
    roles = {"unifiedRoles": [{"roleDefinitionId": USER_ADMINISTRATOR}]}
    wish = {
        "displayName": "Help",
        "duration": "P30D",
        "customer": {"tenantId": customer},
        "accessDetails": roles,
    }
    made = (await graph_call(service, "POST", RELATIONSHIPS, wish)).json()
    path = f"{RELATIONSHIPS}/{made['id']}"
    assert made["status"] == "created"
    locked = await graph_call(service, "POST", f"{path}/requests", {"action": "lockForApproval"})
    assert locked.status_code == 201
    await service.act("approve_gdap", who="customer_admin", customer_id=customer, relationship_id=made["id"])
    assert (await service.call("GET", users)).status_code == 403  # active, but given to nobody yet
    group = {
        "accessContainerId": "3a1b7f0e-0000-4000-8000-000000000001",
        "accessContainerType": "securityGroup",
    }
    given = await graph_call(
        service, "POST", f"{path}/accessAssignments", {"accessContainer": group, "accessDetails": roles}
    )
    assert given.status_code == 201, given.text
    assert (await service.call("GET", users)).status_code == 200
    await service.advance(by="P31D")
    service.tokens.clear()
    assert (await graph_call(service, "GET", path)).json()["status"] == "expired"
    assert (await service.call("GET", users)).json()["code"] == 900308


async def test_a_voided_invoice_names_its_replacement_and_both_carry_the_lines(demo):
    invoice = next(
        one for one in (await demo.get("/v1/invoices"))["items"] if one["invoiceType"] == "OneTime"
    )
    replacement = await demo.control("POST", f"/invoices/{invoice['id']}/void")
    again = next(one for one in (await demo.get("/v1/invoices"))["items"] if one["id"] == invoice["id"])
    assert again["documentType"] == "void_note"
    assert [one["id"] for one in again["amendments"]] == [replacement["invoice_id"]]
    query = "provider=onetime&invoicelineitemtype=billinglineitems"
    counts = {
        (await demo.get(f"/v1/invoices/{one}/lineitems?{query}"))["totalCount"]
        for one in (invoice["id"], replacement["invoice_id"])
    }
    assert len(counts) == 1
    await demo.control("POST", f"/invoices/{invoice['id']}/void", expect=409)


async def test_an_export_whose_data_changed_has_another_etag(demo):
    invoice = next(
        one for one in (await demo.get("/v1/invoices"))["items"] if one["invoiceType"] == "OneTime"
    )
    path = "/graph/v1.0/reports/partners/billing/reconciliation/billed/export"
    started = await graph_call(demo, "POST", path, {"invoiceId": invoice["id"]})
    operation = (await graph_call(demo, "GET", started.headers["Location"])).json()
    manifest = operation["resourceLocation@odata.navigationLink"]
    first = (await graph_call(demo, "GET", manifest)).json()["eTag"]
    assert (await graph_call(demo, "GET", manifest)).json()["eTag"] == first
    await demo.control(
        "POST", "/faults", {"operation": "graph.billing.manifests.get", "kind": "export_changed"}, expect=201
    )
    assert (await graph_call(demo, "GET", manifest)).json()["eTag"] != first
    await demo.advance(by="PT2H")
    assert (await graph_call(demo, "GET", manifest)).status_code == 410


async def test_the_extended_service_term_goes_on_month_by_month_at_three_per_cent_more(service):
    await service.control("PATCH", "/profile", {"extended_service_term": True})
    await service.advance(to="2026-05-10T00:00:00Z")
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 10, term="P1M")
    await service.change(one, autoRenewEnabled=False)
    await service.advance(to="2026-06-10T00:00:00Z")
    after = await service.get(f"/v1/customers/{customer}/subscriptions/{one['id']}")
    assert (after["status"], after["termDuration"], after["autoRenewEnabled"]) == ("active", "P1M", False)
    query = "provider=onetime&invoicelineitemtype=billinglineitems&currencycode=USD&period=current"
    [line] = (await service.get(f"/v1/invoices/unbilled/lineitems?{query}"))["items"]
    # 7.00 x 0.8 x 1.2 = 6.72 a month; x 1.03 = 6.9216 -> 6.92 x 10
    assert line["subtotal"] == "69.2"
    await service.advance(to="2026-06-20T00:00:00Z")
    assert (await service.change(one, status="deleted")).json()["status"] == "deleted"


async def test_callers_can_ask_whether_their_token_has_the_mfa_claim(service):
    headers = {"ValidateMfa": "true"}
    with_claim = await service.call("GET", "/v1/customers", headers=headers)
    assert with_claim.headers["isMfaCompliant"] == "true"
    token = await service.token(mfa=False)
    without = await service.http.get("/v1/customers", headers={**headers, "Authorization": f"Bearer {token}"})
    assert without.headers["isMfaCompliant"] == "false"
    [laggard] = (await service.get("/v1/partnerRequests"))["items"]
    assert laggard["lastNonMfaCompliantRequestDateTime"] == "2026-01-01T00:00:00"


async def test_a_write_that_never_completes_blocks_for_a_day_and_rolled_back_returns_to_the_old_value(
    service,
):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5)
    operation = "customers.subscriptions.update"
    await service.control("POST", "/faults", {"operation": operation, "kind": "rolled_back"}, expect=201)
    assert (await service.change(one, quantity=8)).json()["quantity"] == 8
    path = f"/v1/customers/{customer}/subscriptions/{one['id']}"
    await service.advance(until="idle")
    assert (await service.get(path))["quantity"] == 5
    await service.control("POST", "/faults", {"operation": operation, "kind": "never_completes"}, expect=201)
    assert (await service.change(one, quantity=8)).status_code == 202
    await service.advance(by="PT23H")
    assert (await service.change(one, quantity=8)).json()["code"] == 900278
    await service.advance(by="PT2H")
    assert (await service.get(path))["quantity"] == 5
    assert (await service.change(one, quantity=8)).json()["quantity"] == 8


async def test_partial_checkouts_say_which_groups_failed_and_a_repeat_tries_them_again(service):
    customer = await service.customer()
    lines = [
        {
            "id": 0,
            "catalogItemId": await service.item(BASIC),
            "quantity": 1,
            "termDuration": "P1Y",
            "billingCycle": "monthly",
        },
        {
            "id": 1,
            "catalogItemId": await service.item("CFQ7TTC0LDPB:0001"),
            "quantity": 1,
            "termDuration": "P1Y",
            "billingCycle": "annual",
        },
    ]
    cart = (await service.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": lines})).json()
    assert [line["orderGroup"] for line in cart["lineItems"]] == ["0", "1"]
    await service.control(
        "POST", "/faults", {"operation": "customers.carts.checkout", "kind": "partial_checkout"}, expect=201
    )
    path = f"/v1/customers/{customer}/carts/{cart['id']}/checkout"
    first = (await service.call("POST", path)).json()
    assert (len(first["orders"]), [one["orderGroupId"] for one in first["orderErrors"]]) == (1, ["1"])
    second = (await service.call("POST", path)).json()
    assert (len(second["orders"]), second["orderErrors"]) == (2, [])
    assert second["orders"][0]["id"] == first["orders"][0]["id"]


async def test_a_realistic_renewal_takes_its_time_and_refuses_changes_meanwhile(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5, term="P1M")
    await service.control("PATCH", "/profile", {"latency": "realistic"})
    await service.advance(to="2026-02-01T00:00:30Z")
    now = await service.get(f"/v1/customers/{customer}/subscriptions/{one['id']}")
    assert now["commitmentEndDate"] == "2026-01-31T00:00:00Z"
    refused = await service.change(one, autoRenewEnabled=False)
    assert (refused.status_code, refused.json()["code"]) == (409, 900278)
    await service.advance(to="2026-02-02T00:00:30Z")
    renewed = await service.get(f"/v1/customers/{customer}/subscriptions/{one['id']}")
    assert renewed["effectiveStartDate"] == "2026-02-01T00:00:00Z"
    window = renewed["cancellationAllowedUntilDate"]
    assert (
        "2026-02-08T00:01:00Z" <= window <= "2026-02-09T00:00:00Z"
    )  # from the moment the renewal was complete


async def test_three_year_terms_change_their_frequency_from_the_next_charge_on(service):
    customer = await service.customer()
    one = await service.buy(customer, "CFQ7TTC0LFN5:0002", 2, term="P3Y")
    changed = (await service.change(one, billingCycle="annual")).json()
    assert changed["billingCycle"] == "monthly"
    assert changed["nextChargeInstructions"]["product"]["billingCycle"] == "annual"
    await service.advance(by="P1M")
    now = await service.get(f"/v1/customers/{customer}/subscriptions/{one['id']}")
    assert (now["billingCycle"], now["billingCycleEndDate"]) == ("annual", "2026-12-31T00:00:00Z")
    query = "provider=onetime&invoicelineitemtype=billinglineitems&currencycode=USD&period=current"
    [line] = (await service.get(f"/v1/invoices/unbilled/lineitems?{query}"))["items"]
    prices = (
        await service.call(
            "GET", "/v1.0/sales/pricesheets(Market='US',PricesheetView='updatedlicensebased')/$value"
        )
    ).text
    row = next(
        row for row in prices.splitlines() if '"CFQ7TTC0LFN5","0002"' in row and '"P3Y","Annual"' in row
    )
    year = float(row.split('","')[11])
    assert float(line["subtotal"]) == round(
        int(year * 11 / 12 * 100 + 1e-6) / 100 * 2, 2
    )  # eleven months of twelve
    refused = await service.change(await service.buy(customer, BASIC, 1), billingCycle="annual")
    assert refused.json()["code"] == 800097


async def test_a_full_last_page_may_offer_a_next_that_has_no_more(service, new_customer):
    await service.control("PATCH", "/profile", {"trailing_next": True})
    for number in range(2):
        await service.call("POST", "/v1/customers", new_customer(f"Page {number}", f"trail{number}"))
    page = await service.get("/v1/customers?size=2")
    token = {one["key"]: one["value"] for one in page["links"]["next"]["headers"]}
    beyond = await service.call("GET", "/v1/customers?seekOperation=Next", headers=token)
    assert (beyond.status_code, beyond.json()["code"]) == (400, 2000)


async def test_seats_of_an_annual_legacy_subscription_that_come_and_go_on_one_day_bill_nothing(service):
    customer = await service.customer()
    one = await service.buy(customer, "796B6B5F-613C-4E24-A17C-EBA730D49C02", 5, term=None, cycle="annual")
    await service.advance(by="P10D")
    for quantity in (8, 5):
        assert (await service.change(one, quantity=quantity)).status_code == 200
    await service.advance(by="P2M")
    [invoice] = (await service.get("/v1/invoices"))["items"]
    query = "provider=office&invoicelineitemtype=billinglineitems"
    assert (await service.get(f"/v1/invoices/{invoice['id']}/lineitems?{query}"))["totalCount"] == 1


async def test_an_annual_legacy_change_is_recognised_on_the_monthly_anniversary(service):
    # W-7: bought on the 11th, a second seat on the 12th: reversal, a day of one, 27 days of two, the rest of two.
    await service.advance(to="2026-02-11T00:00:00Z")
    customer = await service.customer()
    one = await service.buy(customer, "796B6B5F-613C-4E24-A17C-EBA730D49C02", 1, term=None, cycle="annual")
    await service.advance(by="P1D")
    await service.change(one, quantity=2)
    await service.advance(to="2026-03-20T00:00:00Z")
    invoice = (await service.get("/v1/invoices"))["items"][-1]
    query = "provider=office&invoicelineitemtype=billinglineitems"
    lines = (await service.get(f"/v1/invoices/{invoice['id']}/lineitems?{query}"))["items"]
    found = sorted(
        (line["chargeStartDate"][5:10], line["chargeEndDate"][:10], line["quantity"], line["amount"] > 0)
        for line in lines
    )
    assert found == [
        ("02-11", "2026-02-11", 1, True),
        ("02-11", "2027-02-10", 1, False),
        ("02-12", "2026-03-10", 2, True),
        ("03-11", "2027-02-10", 2, True),
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_invoices_add_up_and_nothing_gets_stuck(seed):
    """Random changes by random hands over two years, with and without delays."""
    random = Random(seed)
    one = build(
        data=None,
        world="demo",
        profile="realistic" if seed % 2 else "fast",
        seed=seed,
        base_url="http://simulator.test",
    )
    await one.start()
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(one.app), base_url="http://simulator.test"
        ) as http:
            partners = (await http.get("/_control/partners")).json()
            for _ in range(80):
                partner = random.choice(partners)["tenant_id"]
                customer = random.choice((await http.get(f"/_control/customers?tenant_id={partner}")).json())
                answer = await http.post("/_control/act", json=_random_act(random, partner, customer))
                assert answer.status_code < 500, answer.text
                moved = await http.post(
                    "/_control/clock/advance", json={"by": random.choice(["PT5H", "P1D", "P6D", "P20D"])}
                )
                assert moved.status_code == 200, moved.text
            await http.post("/_control/clock/advance", json={"by": "P1Y"})
        today = one.world.now.date()
        for invoice in one.world.invoices:
            assert (
                sum(line.amount + line.tax for line in one.world.charges.by("invoice", invoice.id))
                == invoice.total
            )
        for sub in one.world.subscriptions:
            charged = sum(line.amount for line in one.world.charges.by("subscription", sub.id))
            assert charged >= Decimal("-0.05"), (sub, charged)  # nobody gets more back than was paid
            if sub.status in {"active", "suspended"} and sub.commerce == "nce" and not sub.renewing:
                assert sub.cycle_start <= today <= sub.cycle_end <= sub.term_end, sub
    finally:
        await one.stop()


def _random_act(random, partner, customer):
    wish = {"as": "portal_user", "tenant_id": partner, "customer_id": customer["customer_id"]}
    actions = [
        "buy",
        "buy",
        "change_quantity",
        "change_quantity",
        "suspend",
        "reactivate",
        "cancel",
        "set_auto_renew",
    ]
    action = random.choice(actions) if customer["subscriptions"] else "buy"
    if action == "buy":
        item, term, cycle = random.choice(
            [
                (BASIC, "P1M", "monthly"),
                ("CFQ7TTC0LDPB:0001", "P1Y", "monthly"),
                ("CFQ7TTC0LCHC:0002", "P1Y", "annual"),
                ("796B6B5F-613C-4E24-A17C-EBA730D49C02", "", "monthly"),
                ("2B3B8D2D-10AA-4BE4-B5FD-7F2FEB0C3091", "", "annual"),
            ]
        )
        return {
            **wish,
            "action": action,
            "catalog_item_id": item,
            "quantity": random.randint(1, 9),
            "term": term,
            "billing_cycle": cycle,
        }
    chosen = random.choice(customer["subscriptions"])
    quantity = max(1, chosen["quantity"] + random.choice([-4, -1, 1, 3]))
    enabled = random.random() < 0.7
    return {
        **wish,
        "action": action,
        "subscription_id": chosen["subscription_id"],
        "quantity": quantity,
        "enabled": enabled,
    }
