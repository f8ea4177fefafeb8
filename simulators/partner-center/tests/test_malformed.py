"""Whatever is sent to whichever operation: a refusal that says why, never a failure (PC 2.8)."""

import json

import pytest

from csp_partner_center_simulator.routes import ROUTES

BASIC = "CFQ7TTC0LH18:0001"
BODIES = [
    b"",
    b"{",
    b"[]",
    b'"success"',
    b"null",
    b"12",
    b"{}",
    b"\xff\xfe",
    b'{"lineItems": "x"}',
    b'{"lineItems": [1]}',
    b'{"lineItems": [{}]}',
    b'{"lineItems": [{"catalogItemId": "a:b:c:d", "offerId": "x", "quantity": 1}]}',
    b'{"lineItems": [{"catalogItemId": "CFQ7TTC0LH18:0001:X", "quantity": 1e9, "termDuration": 5, "billingCycle": []}]}',
    b'{"items": [{"catalogItemId": "CFQ7TTC0LH18:0001", "quantity": "many"}]}',
    b'{"quantity": -1}',
    b'{"quantity": "8.5"}',
    b'{"quantity": 99999999999999999999}',
    b'{"status": 5, "autoRenewEnabled": "perhaps"}',
    b'{"scheduledNextTermInstructions": {"product": {"productId": "x", "skuId": {}, "termDuration": "P9Y"}}}',
    b'{"scheduledNextTermInstructions": [], "nextChargeInstructions": 3}',
    b'{"customTermEndDate": "soon", "termDuration": "P7Y", "billingCycle": "weekly", "partnerId": {"a": 1}}',
    b'{"companyProfile": [], "billingProfile": {"defaultAddress": "home"}}',
    b'{"companyProfile": {"domain": "x"}, "billingProfile": {"culture": "x", "defaultAddress": {"country": "USA"}}}',
    b'{"passwordProfile": "secret", "userPrincipalName": 5}',
    b'{"licensesToAssign": [{"skuId": null, "excludedPlans": [1]}], "licensesToRemove": [{}]}',
    b'{"addLicenses": [{"skuId": 7}], "removeLicenses": "x"}',
    b'{"webhookUrl": "::", "webhookEvents": "all"}',
    b'{"webhookUrl": "https://[", "webhookEvents": ["x"]}',
    b'{"notificationUrl": "http://[", "changeType": "all", "expirationDateTime": "x"}',
    b'{"toCatalogItemId": "x", "quantity": {}, "transitionType": "none"}',
    b'{"targetOffer": {"id": "x"}, "upgradeType": {}}',
    b'{"currentSubscriptionId": "x", "targetDate": "9999-12-31T23:59:59.9999999Z", "migrateOnRenewal": true}',
    b'{"sourcePartnerTenantId": "x", "targetPartnerTenantId": 4, "lineItems": [{"subscriptionId": "x"}]}',
    b'{"invoiceId": [], "attributeSet": "all", "currencyCode": 1, "billingPeriod": {}}',
    b'{"displayName": 1, "duration": "P0D", "accessDetails": {"unifiedRoles": [{}]}, "action": 4}',
    b'{"primaryContact": 3, "dateAgreed": "yesterday", "templateId": 9, "type": "x"}',
    b'{"relationshipToPartner": 1}',
]
QUERIES = [
    "size=-1&offset=x",
    "size=99999999",
    "filter=%7B&size=1",
    "filter=%7B%22Field%22%3A%22x%22%7D",
    "filter=%5B%5D",
    "filter=%7B%22Operator%22%3A%22and%22%2C%22LeftFilter%22%3A3%7D",
    "seekOperation=Next",
    "startDate=13%2F45%2F2020&endDate=x",
    "country=ZZ&targetView=x&targetSegment=x",
    "term_duration=P1M&term_start_date=9999-12-31&target_coterm_subscription_id=x",
    "provider=x&invoicelineitemtype=y&period=z&currencycode=%00",
    "$top=x&$skiptoken=%25&$filter=a%20b%20c&$select=&$orderby=x",
    "$deltatoken=e30",
    "$skiptoken=e30",
    "timeline=history&month=999999",
    "eligibilityType=never&relationship_type=x&agreementType=x",
    "migration_id=x&current_subscription_id=y",
]


@pytest.fixture
async def places(service):
    """Values for the parameters of paths: things that exist."""
    customer = await service.customer(prefix="malformed")
    one = await service.buy(customer, BASIC, 5)
    await service.buy(customer, "796B6B5F-613C-4E24-A17C-EBA730D49C02", 2, term=None)
    cart = await service.call(
        "POST",
        f"/v1/customers/{customer}/carts",
        {"lineItems": [{"catalogItemId": one["offerId"], "quantity": 1}]},
    )
    await service.advance(by="P40D")
    invoice = (await service.get("/v1/invoices"))["items"][0]["id"]
    users = (await service.get(f"/v1/customers/{customer}/users"))["items"]
    roles = (await service.get(f"/v1/customers/{customer}/directoryroles"))["items"]
    return {
        "customer": customer,
        "tenant": customer,
        "subscription": one["id"],
        "order": one["orderId"],
        "cart": cart.json()["id"],
        "invoice": invoice,
        "user": users[0]["id"],
        "role": roles[0]["id"],
        "product": "CFQ7TTC0LH18",
        "sku": "0001",
        "availability": one["offerId"].split(":")[2],
        "offer": "796B6B5F-613C-4E24-A17C-EBA730D49C02",
        "country": "US",
        "call": "Market='US',PricesheetView='updatedlicensebased',Month='202601'",
    }


def path_of(route, places):
    path = route.path
    for name in [part.split("}")[0] for part in path.split("{")[1:]]:
        path = path.replace(f"{{{name}}}", places.get(name, "no-such-thing"))
    return path


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH"])
async def test_no_body_makes_an_operation_fail(service, places, verb):
    routes = [route for route in ROUTES if route.method == verb and not route.operation.startswith("auth.")]
    graph = await service.token(
        audience="graph", customer_id=places["customer"], lifetime_seconds=400_000_000
    )
    for route in routes:
        own = (
            {"headers": {"Authorization": f"Bearer {graph}"}}
            if route.operation.startswith("graph.users")
            else {}
        )
        for body in BODIES:
            answer = await service.call(verb, path_of(route, places), content=body, **own)
            assert answer.status_code < 500, (route.operation, body, answer.text)
            if answer.status_code >= 400:
                assert answer.json(), (route.operation, body)


async def test_no_query_makes_a_read_fail(service, places):
    routes = [route for route in ROUTES if route.method == "GET" and not route.operation.startswith("auth.")]
    graph = await service.token(
        audience="graph", customer_id=places["customer"], lifetime_seconds=400_000_000
    )
    for route in routes:
        own = (
            {"headers": {"Authorization": f"Bearer {graph}"}}
            if route.operation.startswith(("graph.users", "graph.dir"))
            else {}
        )
        for query in QUERIES:
            answer = await service.call("GET", f"{path_of(route, places)}?{query}", **own)
            assert answer.status_code < 500, (route.operation, query, answer.text)


async def test_no_path_and_no_token_makes_it_fail(service):
    for route in ROUTES:
        path = path_of(route, {})
        assert (await service.call(route.method, path)).status_code < 500, route.operation
        for token in ("", "Bearer", "Bearer x.y.z", "Basic abc", "Bearer " + "x" * 5000):
            answer = await service.http.request(
                route.method, path, headers={"Authorization": token}, content=b"{}"
            )
            assert answer.status_code < 500, (route.operation, token[:20])


async def test_token_requests_of_any_form_are_answered(service):
    for body in (
        b"",
        b"grant_type=x",
        b"grant_type=refresh_token&client_id=" + b"x" * 3000,
        b"\xff",
        json.dumps({}).encode(),
    ):
        for path in (
            "/common/oauth2/token",
            f"/{service.partner['tenant_id']}/oauth2/v2.0/token",
            "/nobody/oauth2/token",
        ):
            answer = await service.http.post(path, content=body)
            assert answer.status_code in {400, 401}
            assert {"error", "error_description", "error_codes", "correlation_id"} <= set(answer.json())
