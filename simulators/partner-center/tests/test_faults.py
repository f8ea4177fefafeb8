"""Faults that change what an operation does, and lines that are told in two (PC 10.4, 14.8)."""

import time
from decimal import Decimal

import httpx
import pytest

BASIC = "CFQ7TTC0LH18:0001"
LINES = "provider=onetime&invoicelineitemtype=billinglineitems&currencycode=USD&period=current"


async def arm(service, operation, kind, **more):
    await service.control("POST", "/faults", {"operation": operation, "kind": kind, **more}, expect=201)


async def test_an_unknown_state_and_an_unknown_charge_type_can_be_served_once(service):
    customer = await service.customer()
    await service.buy(customer, BASIC, 1)
    await arm(service, "customers.subscriptions.list", "unknown_enum")
    path = f"/v1/customers/{customer}/subscriptions"
    assert [(await service.get(path))["items"][0]["status"] for _ in range(2)] == ["on_hold", "active"]
    await arm(service, "invoices.unbilled.lineitems.list", "unknown_charge_type")
    kinds = [
        (await service.get(f"/v1/invoices/unbilled/lineitems?{LINES}"))["items"][0]["chargeType"]
        for _ in range(2)
    ]
    assert kinds == ["rebalanceQuantity", "new"]


async def test_a_page_token_can_expire_and_a_customer_can_vanish(service):
    customer = await service.customer()
    await arm(service, "customers.list", "page_token_expired")
    assert (await service.call("GET", "/v1/customers?seekOperation=Next")).status_code == 410
    await arm(service, "customers.get", "customer_vanished", customer_id=customer)
    assert [(await service.call("GET", f"/v1/customers/{customer}")).status_code for _ in range(2)] == [
        403,
        200,
    ]


async def test_a_subscription_id_can_stay_away_and_lines_can_be_bad(service):
    customer = await service.customer()
    line = {
        "catalogItemId": await service.item(BASIC),
        "quantity": 1,
        "termDuration": "P1Y",
        "billingCycle": "monthly",
    }
    carts = f"/v1/customers/{customer}/carts"
    await arm(service, "customers.carts.create", "line_errors")
    bad = (await service.call("POST", carts, {"lineItems": [line]})).json()
    assert bad["lineItems"][0]["error"]["errorCode"] == 10006
    cart = (await service.call("POST", carts, {"lineItems": [line]})).json()
    await arm(service, "customers.carts.checkout", "missing_subscription_id")
    order = (await service.call("POST", f"{carts}/{cart['id']}/checkout")).json()["orders"][0]
    assert "subscriptionId" not in order["lineItems"][0]
    assert (await service.get(f"/v1/customers/{customer}/subscriptions"))["totalCount"] == 1


async def test_connections_break_before_or_after_the_change_and_slow_answers_are_slow(service, new_customer):
    await arm(service, "customers.create", "reset_before")
    await arm(service, "customers.create", "reset_after")
    for expected in (0, 1):
        with pytest.raises(httpx.ReadError):
            await service.call("POST", "/v1/customers", new_customer("Broken", "broken"))
        assert len((await service.get("/v1/customers"))["items"]) == expected
    await arm(service, "customers.list", "slow", delay_seconds=0.2)
    started = time.monotonic()
    await service.get("/v1/customers")
    assert time.monotonic() - started >= 0.2
    fired = [(one["kind"], one["fired"]) for one in await service.control("GET", "/faults")]
    assert fired == [("reset_before", 1), ("reset_after", 1), ("slow", 1)]


async def test_faults_strike_by_chance_until_disarmed(service):
    await arm(service, "customers.*", "unavailable", probability=0.5, count=None)
    statuses = {(await service.call("GET", "/v1/customers")).status_code for _ in range(40)}
    assert statuses == {200, 503}
    await service.control("DELETE", "/faults", expect=204)
    assert {(await service.call("GET", "/v1/customers")).status_code for _ in range(10)} == {200}


async def test_invalid_grant_is_a_fault_of_the_token_endpoint(service):
    await arm(service, "auth.token", "invalid_grant")
    partner = service.partner
    form = {
        "grant_type": "client_credentials",
        "client_id": partner["client_id"],
        "client_secret": partner["client_secret"],
    }
    url = f"/{partner['tenant_id']}/oauth2/v2.0/token"
    struck, again = [await service.http.post(url, data=form) for _ in range(2)]
    assert (struck.status_code, struck.json()["error"]) == (400, "invalid_grant")
    assert again.status_code == 200


async def test_e5_bundles_come_as_two_lines_of_one_event_and_tax_is_added(service):
    await service.control("PATCH", "/profile", {"tax_percent": 10})
    customer = await service.customer()
    one = await service.buy(customer, "CFQ7TTC0LFLZ:0002", 3)
    assert one["offerName"] == "Microsoft 365 E5"
    lines = (await service.get(f"/v1/invoices/unbilled/lineitems?{LINES}"))["items"]
    assert len(lines) == 2
    assert len({line["referenceId"] for line in lines}) == 1
    subtotal = sum(Decimal(line["subtotal"]) for line in lines)
    unit = sum(Decimal(line["unitPrice"]) for line in lines)
    assert subtotal == unit * 3
    assert abs(sum(Decimal(line["taxTotal"]) for line in lines) - subtotal / 10) < Decimal("0.02")


async def test_operations_are_named_as_in_the_reference_also_where_one_route_serves_several(service):
    partner = service.partner
    secrets = {"client_id": partner["client_id"], "client_secret": partner["client_secret"]}
    application = {
        **secrets,
        "grant_type": "client_credentials",
        "resource": "https://api.partnercenter.microsoft.com",
    }
    user = {**application, "grant_type": "refresh_token", "refresh_token": partner["refresh_token"]}
    await arm(service, "auth.token.refresh_token", "invalid_grant")
    address = f"/{partner['tenant_id']}/oauth2/token"
    assert (await service.http.post(address, data=application)).status_code == 200
    assert (await service.http.post(address, data=user)).json()["error"] == "invalid_grant"
    assert (await service.http.post(address, data=user)).status_code == 200
    told = await service.control("GET", "/requests?operation=auth.token")
    assert [one["operation"].rpartition(".")[2] for one in told] == [
        "client_credentials",
        "refresh_token",
        "refresh_token",
    ]
    text = '{"Field":"CompanyName","Value":"A","Operator":"starts_with"}'
    await service.get("/v1/customers", params={"size": 0, "filter": text})
    await service.get("/v1/customers")
    assert len(await service.control("GET", "/requests?operation=customers.list.filter")) == 1
    assert len(await service.control("GET", "/requests?operation=customers.list")) == 2


async def test_a_fault_for_an_operation_that_is_none_is_refused(service):
    body = {"operation": "customers.lists", "kind": "throttled"}
    refused = await service.control("POST", "/faults", body, expect=400)
    assert refused["detail"].startswith("operation: ")
