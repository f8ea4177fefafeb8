"""Transitions, upgrades, trials, migrations and transfers (PC 6.8 to 6.12)."""

from uuid import UUID

BASIC, STANDARD, PREMIUM = "CFQ7TTC0LH18:0001", "CFQ7TTC0LDPB:0001", "CFQ7TTC0LCHC:0002"
PREMIUM_TRIAL = "CFQ7TTC0LCHC:0003"
OFFICE_E3, PREMIUM_2019, PREMIUM_2019_TRIAL = (
    "796B6B5F-613C-4E24-A17C-EBA730D49C02",
    "031C9E47-4802-4248-838E-778FB1D2CC05",
    "C0BD2E08-11AC-4836-BDC7-3712E744922F",
)


async def subscriptions(service, customer):
    return {one["id"]: one for one in (await service.get(f"/v1/customers/{customer}/subscriptions"))["items"]}


async def test_a_full_transition_keeps_the_subscription_and_its_end_and_moves_the_licenses(service):
    customer = await service.customer(prefix="moves")
    one = await service.buy(customer, BASIC, 5)
    sku = (await service.get(f"/v1/customers/{customer}/subscribedskus"))["items"][0]["productSku"]["id"]
    user = await service.act(
        "create_user",
        customer_id=customer,
        user_principal_name="ann@moves.onmicrosoft.com",
        display_name="Ann Bell",
        usage_location="US",
    )
    await service.act("assign_license", customer_id=customer, user_id=user["user"]["id"], sku_id=sku)
    path = f"/v1/customers/{customer}/subscriptions/{one['id']}"
    targets = (await service.get(f"{path}/transitionEligibilities?eligibilityType=immediate"))["items"]
    standard = next(item["catalogItemId"] for item in targets if item["catalogItemId"].startswith(STANDARD))
    await service.advance(by="P10D")
    done = await service.call(
        "POST",
        f"{path}/transitions",
        {"toCatalogItemId": standard, "quantity": 5, "transitionType": "transition_with_license_transfer"},
    )
    assert done.status_code == 200, done.text
    after = await service.get(path)
    assert (after["offerId"], after["commitmentEndDate"]) == (standard, one["commitmentEndDate"])
    licenses = (await service.get(f"/v1/customers/{customer}/users/{user['user']['id']}/licenses"))["items"]
    assert [item["productSku"]["skuPartNumber"] for item in licenses] == ["O365_BUSINESS_PREMIUM"]
    history = await service.get(f"{path}/transitions")
    assert history["transition"][0]["operationId"] == done.json()["operationId"]


async def test_eligibilities_tell_which_subscriptions_can_take_the_seats(service):
    """PC 6.8: one operation's id in all items, and the reasons 1 to 4 of each subscription that is there."""
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5)
    there = await service.buy(customer, STANDARD, 2, term="P1M")
    path = f"/v1/customers/{customer}/subscriptions/{one['id']}/transitionEligibilities?eligibilityType="
    targets = (await service.get(f"{path}immediate"))["items"]
    asked = {str(UUID(item["operationId"])) for item in targets}
    assert asked == {targets[0]["operationId"]}
    standard = next(item for item in targets if item["catalogItemId"].startswith(STANDARD))
    (into,) = standard["subscriptionEligibilities"]
    assert [error["code"] for error in into.pop("errors")] == [2, 3, 4]
    assert into == {
        "isEligible": False,
        "subscriptionId": there["id"],
        "subscriptionFriendlyName": there["friendlyName"],
        "subscriptionTermDuration": "P1M",
        "subscriptionBillingCycle": "monthly",
    }
    for item in (await service.get(f"{path}scheduled"))["items"]:
        assert item["subscriptionEligibilities"] == []


async def test_a_partial_transition_makes_a_second_subscription_with_the_same_end(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5)
    path = f"/v1/customers/{customer}/subscriptions/{one['id']}"
    wish = {
        "toCatalogItemId": await service.item(PREMIUM),
        "quantity": 2,
        "transitionType": "transition_only",
    }
    done = await service.call("POST", f"{path}/transitions", wish)
    made = done.json()["toSubscriptionId"]
    found = await subscriptions(service, customer)
    assert (found[one["id"]]["quantity"], found[made]["quantity"]) == (3, 2)
    assert found[made]["commitmentEndDate"] == one["commitmentEndDate"]
    wrong = await service.call("POST", f"{path}/transitions", {**wish, "quantity": 9})
    assert (wrong.status_code, wrong.json()["code"]) == (400, 900275)
    backwards = await service.call("POST", f"{path}/transitions", {**wish, "toCatalogItemId": one["offerId"]})
    assert backwards.json()["code"] == 800020


async def test_a_trial_renews_into_the_paid_sku_after_a_month(service):
    customer = await service.customer()
    trial = await service.buy(customer, PREMIUM_TRIAL, 25, term="P1M", cycle="none")
    assert trial["isTrial"] is True
    assert trial["scheduledNextTermInstructions"]["product"]["skuId"] == "0002"
    await service.advance(by="P1M")
    paid = (await subscriptions(service, customer))[trial["id"]]
    assert (paid["isTrial"], paid["quantity"], paid["offerId"][:17]) == (False, 25, PREMIUM)


async def test_a_legacy_trial_converts_in_place(service):
    customer = await service.customer()
    trial = await service.buy(customer, PREMIUM_2019_TRIAL, 25, term=None, cycle="none")
    path = f"/v1/customers/{customer}/subscriptions/{trial['id']}/conversions"
    [offer] = (await service.get(path))["items"]
    assert offer["targetOfferId"] == PREMIUM_2019
    done = await service.call("POST", path, offer)
    assert done.json()["subscriptionId"] == trial["id"]
    after = (await subscriptions(service, customer))[trial["id"]]
    assert (after["offerId"], after["isTrial"], after["billingCycle"]) == (PREMIUM_2019, False, "monthly")


async def test_a_legacy_upgrade_moves_all_seats_to_a_new_subscription(service):
    customer = await service.customer()
    one = await service.buy(customer, "91FD106F-4B2C-4938-95AC-F54F74E9A239", 4, term=None)
    path = f"/v1/customers/{customer}/subscriptions/{one['id']}/upgrades"
    targets = (await service.get(path))["items"]
    chosen = next(item for item in targets if item["isEligible"])
    chosen["eligible"] = chosen.pop("isEligible")  # as the Java SDK sends it back
    done = await service.call("POST", path, chosen)
    assert done.status_code == 200, done.text
    found = await subscriptions(service, customer)
    assert found[one["id"]]["status"] == "deleted"
    assert found[done.json()["targetSubscriptionId"]]["quantity"] == 4


async def test_a_migration_links_old_and_new_and_is_refused_in_the_first_month(service):
    customer = await service.customer()
    one = await service.buy(customer, PREMIUM_2019, 4, term=None)
    path = f"/v1/customers/{customer}/migrations/newcommerce"
    wish = {"currentSubscriptionId": one["id"], "termDuration": "P1Y", "billingCycle": "Monthly"}
    young = (await service.call("POST", f"{path}/validate", wish)).json()
    assert (young["isEligible"], young["errors"][0]["code"]) == (False, 2)
    assert (await service.call("POST", path, wish)).json()["code"] == 900226
    await service.advance(by="P40D")
    assert (await service.call("POST", f"{path}/validate", wish)).json()["isEligible"] is True
    started = (await service.call("POST", path, wish)).json()
    done = await service.get(f"{path}/{started['id']}")
    assert done["status"] == "Completed"
    found = await subscriptions(service, customer)
    assert found[one["id"]]["status"] == "deleted"
    made = found[done["newCommerceSubscriptionId"]]
    assert (made["migratedFromSubscriptionId"], made["quantity"]) == (one["id"], 4)
    events = await service.get(f"{path}/events?migration_id={started['id']}")
    assert [event["name"] for event in events] == [
        "MigrationStarted",
        "NewCommerceSubscriptionCreated",
        "NewCommerceSubscriptionProvisioned",
        "MigrationCompleted",
    ]


async def test_a_transfer_gives_the_target_partner_a_new_subscription(service):
    customer = await service.customer("Mover Inc")
    one = await service.buy(customer, BASIC, 5)
    target = await service.control("POST", "/partners", {"name": "Target", "country": "US"}, expect=201)
    path = f"/v1/customers/{customer}/transfers"
    made = await service.call(
        "POST",
        path,
        {
            "targetPartnerTenantId": target["tenant_id"],
            "lineItems": [{"subscriptionId": one["id"], "partnerIdOnRecord": ""}],
        },
    )
    assert (made.status_code, made.json()["status"]) == (201, "Active")
    body = {"tenant_id": target["tenant_id"], "kind": "app_user"}
    token = (await service.control("POST", "/tokens", body))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    accepted = await service.http.post(f"{path}/{made.json()['id']}/accept", headers=headers)
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["transferErrors"] == []
    assert (await subscriptions(service, customer))[one["id"]]["status"] == "deleted"
    theirs = (await service.http.get(f"/v1/customers/{customer}/subscriptions", headers=headers)).json()[
        "items"
    ]
    assert [(item["quantity"], item["id"] != one["id"]) for item in theirs] == [(5, True)]
    assert isinstance(await service.get(path), list)


async def test_promotions_discount_the_cart_and_tell_who_may_use_them(service):
    customer = await service.customer()
    listed = (await service.get("/v1/productpromotions?country=US&segment=commercial"))["items"]
    automatic = next(one for one in listed if one["properties"]["isAutoApplicable"])
    assert automatic["requiredProducts"][0]["productId"] == "CFQ7TTC0LCHC"
    one = await service.buy(customer, PREMIUM, 2)
    assert one["promotionId"]
    wish = {
        "catalogItemId": await service.item(PREMIUM),
        "quantity": 5000,
        "termDuration": "P1Y",
        "billingCycle": "Monthly",
    }
    checked = await service.call(
        "POST", f"/v1/customers/{customer}/promotionEligibilities", {"items": [wish]}
    )
    eligibilities = checked.json()["items"][0]["eligibilities"]
    assert {one["errors"][0]["type"] for one in eligibilities} == {"SeatCount", "Term"}


async def test_price_sheets_are_quoted_csv_and_agree_with_the_cart(service):
    customer = await service.customer()
    path = "/v1.0/sales/pricesheets(Market='US',PricesheetView='updatedlicensebased')/$value?timeline=current"
    sheet = await service.call("GET", path)
    assert sheet.status_code == 200
    assert sheet.headers["Content-Type"] == "application/octet-stream"
    rows = [line.strip('"').split('","') for line in sheet.text.splitlines()]
    columns = rows[0]
    product, sku = BASIC.split(":")
    [row] = [
        dict(zip(columns, row, strict=True))
        for row in rows[1:]
        if (row[1], row[2], row[7], row[8]) == (product, sku, "P1Y", "Monthly")
    ]
    line = {
        "catalogItemId": await service.item(BASIC),
        "quantity": 3,
        "termDuration": "P1Y",
        "billingCycle": "monthly",
    }
    cart = (await service.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": [line]})).json()
    pricing = cart["lineItems"][0]["pricing"]
    assert float(row["UnitPrice"]) == pricing["listPrice"] == 5.88
    assert pricing["extendedPrice"] == 5.88 * 3 * 12
    packed = await service.call("GET", path, headers={"Accept-Encoding": "deflate"})
    assert packed.content[:2] == b"PK"
    assert packed.headers["Content-Disposition"] == "attachment; filename=sheets.csv"
    wrong = await service.http.get(path, headers={"Authorization": "Bearer nonsense"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "BadRequest")
    matrix = await service.call("GET", "/v1.0/sales/offermatrix(Month='202601')/$value")
    assert matrix.text.startswith('"ProductTitle","ProductId"')
