"""The demo story as Partner Center sees it: from a free domain to changes made in the portal."""

BASIC = "CFQ7TTC0LH18:0001"
OFFICE_E3 = "796B6B5F-613C-4E24-A17C-EBA730D49C02"


async def test_a_tenant_buys_five_goes_to_eight_and_the_portal_goes_to_ten(service):
    free = await service.call("HEAD", "/v1/domains/brightbakes.onmicrosoft.com")
    assert (free.status_code, free.content) == (404, b"")
    customer = await service.customer("Bright Bakes", "brightbakes")
    taken = await service.call("HEAD", "/v1/domains/brightbakes.onmicrosoft.com")
    assert taken.status_code == 200

    bought = await service.buy(customer, BASIC, 5)
    assert (bought["quantity"], bought["status"], bought["termDuration"]) == (5, "active", "P1Y")
    assert bought["commitmentEndDate"] == "2026-12-31T00:00:00Z"

    await service.advance(by="P4D")
    raised = await service.change(bought, quantity=8)
    assert raised.status_code == 200
    assert raised.json()["refundableQuantity"]["details"] == [
        {"quantity": 5, "allowedUntilDateTime": "2026-01-08T00:00:00Z"},
        {"quantity": 3, "allowedUntilDateTime": "2026-01-12T00:00:00Z"},
    ]

    user = await service.call(
        "POST",
        f"/v1/customers/{customer}/users",
        {
            "usageLocation": "US",
            "userPrincipalName": "kim@brightbakes.onmicrosoft.com",
            "displayName": "Kim Doe",
            "firstName": "Kim",
            "lastName": "Doe",
            "passwordProfile": {"password": "Tr1cky-horse-9", "forceChangePassword": True},
        },
    )
    assert user.status_code == 200
    status = await service.get(f"/v1/customers/{customer}/subscriptions/{bought['id']}/provisioningstatus")
    update = await service.call(
        "POST",
        f"/v1/customers/{customer}/users/{user.json()['id']}/licenseupdates",
        {"LicensesToAssign": [{"SkuId": status["skuId"], "ExcludedPlans": None}], "LicensesToRemove": None},
    )
    assert update.status_code == 201
    skus = (await service.get(f"/v1/customers/{customer}/subscribedskus"))["items"]
    assert [(one["consumedUnits"], one["availableUnits"], one["totalUnits"]) for one in skus] == [(1, 7, 8)]

    legacy = await service.buy(customer, OFFICE_E3, 2, term=None)
    assert "etag" in legacy["attributes"]
    await service.advance(by="P5D")
    await service.act("change_quantity", customer_id=customer, subscription_id=bought["id"], quantity=10)
    await service.act("suspend", customer_id=customer, subscription_id=legacy["id"])
    seen = {one["id"]: one for one in (await service.get(f"/v1/customers/{customer}/subscriptions"))["items"]}
    assert seen[bought["id"]]["quantity"] == 10
    assert seen[legacy["id"]]["status"] == "suspended"

    records = (await service.get("/v1/auditrecords?startDate=2026-01-01"))["items"]
    by_portal = [one for one in records if one["applicationId"] == "4990cffe-04e8-4e8b-808a-1175604b879f"]
    assert [one["operationType"] for one in by_portal] == ["update_subscription", "update_subscription"]
    assert len({one["id"] for one in records}) == len(records)


async def test_the_demo_world_has_two_partners_and_six_customers_with_all_kinds_of_subscriptions(demo):
    partners = await demo.control("GET", "/partners")
    assert [one["country"] for one in partners] == ["US", "DE"]
    assert sum(one["customers"] for one in partners) == 6
    customers = await demo.control("GET", "/customers")
    found = [one for customer in customers for one in customer["subscriptions"]]
    assert {one["commerce"] for one in found} == {"legacy", "nce"}
    assert {"active", "suspended"} <= {one["status"] for one in found}
    listed = await demo.get("/v1/customers?size=2")
    assert len(listed["items"]) == 2
