"""What Microsoft's SDKs call besides customers and subscriptions: profiles, service requests, usage, analytics (PC 15)."""

import pytest

BASIC = "CFQ7TTC0LH18:0001"
OFFICE_E3 = "796B6B5F-613C-4E24-A17C-EBA730D49C02"


async def test_a_partner_reads_its_own_profiles(service):
    organization = await service.get("/v1/profiles/organization")
    assert (organization["tenantId"], organization["culture"]) == (service.partner["tenant_id"], "en-US")
    assert organization["attributes"]["objectType"] == "OrganizationProfile"
    assert (await service.get("/v1/profiles/legalbusiness?vettingVersion=Current"))[
        "vettingStatus"
    ] == "authorized"
    mpn = await service.get(f"/v1/profiles/mpn?mpnId={service.partner['mpn_id']}")
    assert mpn["partnerName"] == service.partner["name"]
    foreign = await service.call("GET", "/v1/profiles/mpn?mpnId=1")
    assert (foreign.status_code, foreign.json()["code"]) == (404, 2072)
    signed = await service.get(f"/v1/compliance/csp/agreementstatus?mpnId={service.partner['mpn_id']}")
    assert signed == {"isAgreementSigned": True}
    refused = await service.call("GET", "/v1/profiles/organization", kind="app")
    assert (refused.status_code, refused.json()["code"]) == (403, 900329)


async def test_a_partner_changes_its_billing_and_support_profile(service):
    billing = await service.get("/v1/profiles/billing")
    assert billing["billingDay"] == service.partner["billing_day"]
    changed = {**billing, "purchaseOrderNumber": "PO-7", "billingCurrency": "XXX"}
    answer = await service.call("PUT", "/v1/profiles/billing", changed)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["purchaseOrderNumber"], answer.json()["billingCurrency"]) == ("PO-7", "USD")
    stale = await service.call("PUT", "/v1/profiles/billing", changed)
    assert (stale.status_code, stale.json()["code"]) == (400, 2055)
    support = {"email": "help@example.com", "telephone": "1", "website": "https://example.com"}
    assert (await service.call("PUT", "/v1/profiles/support", support)).status_code == 200
    assert (await service.get("/v1/profiles/support"))["email"] == "help@example.com"
    assert (await service.get("/v1/profiles/billing"))["purchaseOrderNumber"] == "PO-7"


async def test_a_service_request_is_opened_noted_and_closed(service):
    topics = (await service.get("/v1/servicerequests/supporttopics"))["items"]
    customer = await service.customer()
    wish = {
        "title": "A wrong charge",
        "description": "See invoice G1.",
        "severity": "Critical",
        "supportTopicId": str(topics[0]["id"]),
        "organization": {"id": customer},
    }
    opened = await service.call("POST", "/v1/servicerequests/en-US", wish)
    assert opened.status_code == 201, opened.text
    one = opened.json()
    assert (one["status"], one["severity"], one["organization"]["id"]) == ("open", "critical", customer)
    path = f"/v1/customers/{customer}/servicerequests"
    assert [each["id"] for each in (await service.get(path))["items"]] == [one["id"]]
    noted = await service.call("PATCH", f"{path}/{one['id']}", {"newNote": {"text": "Any news?"}})
    assert [note["text"] for note in noted.json()["notes"]] == ["Any news?"]
    closed = await service.call("PATCH", f"/v1/servicerequests/{one['id']}", {"status": "closed"})
    assert (closed.json()["status"], "lastClosedDate" in closed.json()) == ("closed", True)
    assert (await service.get("/v1/servicerequests?status=open"))["items"] == []
    other = await service.customer("Other")
    foreign = await service.call("GET", f"/v1/customers/{other}/servicerequests/{one['id']}")
    assert foreign.status_code == 404
    wrong = await service.call("POST", "/v1/servicerequests/en-US", {**wish, "severity": "loud"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, 900126)


async def test_nothing_metered_is_sold_so_usage_is_none_and_a_budget_is_kept(service):
    customer = await service.customer()
    bought = await service.buy(customer, BASIC, 2)
    assert (await service.get("/v1/customers/usagerecords"))["items"] == []
    assert (await service.get("/v1/usagesummary"))["totalCost"] == 0
    path = f"/v1/customers/{customer}"
    for name in ("usagesummary", "resourceusagerecords", "meterusagerecords", "usagerecords/daily"):
        await service.get(f"{path}/subscriptions/{bought['id']}/{name}")
    assert "amount" not in await service.get(f"{path}/usagebudget")
    assert (await service.call("PATCH", f"{path}/usagebudget", {"amount": 12.5})).json()["amount"] == 12.5
    assert (await service.get(f"{path}/usagesummary"))["budget"]["amount"] == 12.5
    assert (await service.call("PATCH", f"{path}/usagebudget", {"amount": -1})).status_code == 400
    records = (await service.get("/v1/auditrecords"))["items"]
    assert records[-1]["operationType"] == "update_customer_spending_budget"


async def test_license_analytics_count_sold_and_assigned_seats(service):
    assert (await service.get("/v1/analytics/licenses/deployment"))["items"] == []
    customer = await service.customer()
    await service.buy(customer, BASIC, 4)
    sku = (await service.get(f"/v1/customers/{customer}/subscribedskus"))["items"][0]["productSku"]["id"]
    user = (await service.get(f"/v1/customers/{customer}/users"))["items"][0]["id"]
    path = f"/v1/customers/{customer}/users/{user}"
    await service.call("PATCH", path, {"usageLocation": "US"})
    assigned = {"licensesToAssign": [{"skuId": sku}]}
    assert (await service.call("POST", f"{path}/licenseupdates", assigned)).status_code == 201
    whole = (await service.get("/v1/analytics/licenses/deployment"))["items"][0]
    assert (whole["licensesSold"], whole["proratedDeploymentPercent"]) == (4, 25)
    own = (await service.get(f"/v1/customers/{customer}/analytics/licenses/usage"))["items"][0]
    assert (own["licensesActive"], own["usagePercent"]) == (1, 25)


async def test_licenses_need_no_activation_registration_or_inventory(service):
    customer = await service.customer()
    bought = await service.buy(customer, BASIC, 1)
    order = f"/v1/customers/{customer}/orders/{bought['orderId']}"
    assert (await service.get(f"{order}/activationlinks"))["items"] == []
    assert (await service.get(f"{order}/lineitems/0/activationlinks"))["items"] == []
    assert (await service.call("GET", f"{order}/lineitems/9/activationlinks")).status_code == 404
    subscription = f"/v1/customers/{customer}/subscriptions/{bought['id']}"
    registered = await service.call("POST", f"{subscription}/registrations")
    assert registered.status_code == 202
    assert (await service.get(f"/v1{registered.headers['location']}"))["status"] == "registered"
    assert (await service.get(f"/v1/customers/{customer}/entitlements"))["items"] == []
    product, sku = BASIC.split(":")
    wish = {"TargetItems": [{"ProductId": product, "SkuId": sku}]}
    had = await service.call("POST", "/v1/extensions/product/checkInventory?country=US", wish)
    assert had.json() == [{"productId": product, "skuId": sku, "isRestricted": False, "restrictions": []}]


async def test_migrations_and_schedules_of_all_customers_are_found_by_what_they_are_about(service):
    customer = await service.customer()
    bought = await service.buy(customer, OFFICE_E3, 3, term=None)
    wish = {"currentSubscriptionId": bought["id"], "migrateOnRenewal": True, "externalReferenceId": "Ref-1"}
    path = f"/v1/customers/{customer}/migrations/newcommerce/schedules"
    made = await service.call("POST", path, wish)
    assert (made.status_code, made.json()["externalReferenceId"]) == (201, "Ref-1")
    everywhere = "/v1/migrations/newcommerce/schedules"
    for query, count in (
        ("", 1),
        (f"?CustomerTenantId={customer.upper()}&PageSize=10", 1),
        (f"?CurrentSubscriptionId={bought['id']}&ExternalReferenceId=ref-1", 1),
        ("?ExternalReferenceId=other", 0),
    ):
        assert len((await service.get(everywhere + query))["items"]) == count, query


@pytest.mark.parametrize("culture", ["english", "en_US", "en-"])
async def test_a_customer_needs_a_culture_of_language_and_country(service, new_customer, culture):
    body = new_customer("Cultured", "cultured")
    body["billingProfile"]["culture"] = culture
    refused = await service.call("POST", "/v1/customers", body)
    assert (refused.status_code, refused.json()["code"]) == (400, 3000)
    assert "culture" in refused.json()["description"]


async def test_the_add_ons_of_an_offer_are_paged(service):
    whole = (await service.get(f"/v1/offers/{OFFICE_E3}/addons?country=US"))["items"]
    page = await service.get(f"/v1/offers/{OFFICE_E3}/addons?country=US&size=2&offset=1")
    assert [one["id"] for one in page["items"]] == [one["id"] for one in whole[1:3]]
