"""The codes that Microsoft publishes, where the service refuses (PC 12): status and number belong together."""

from uuid import uuid4

BASIC, STANDARD = "CFQ7TTC0LH18:0001", "CFQ7TTC0LDPB:0001"
E3_LEGACY = "796B6B5F-613C-4E24-A17C-EBA730D49C02"


def told(answer):
    return answer.status_code, answer.json()["code"]


async def test_pc_12_a_missing_token_and_a_bad_one_have_codes_of_their_own(service):
    assert told(await service.http.get("/v1/customers")) == (401, 800001)
    bad = await service.http.get("/v1/customers", headers={"Authorization": "Bearer nonsense"})
    assert told(bad) == (401, 400)


async def test_pc_12_what_is_not_there_says_1000_where_no_code_of_its_own_is_known(service):
    for path in ("/v1/invoices/G1", "/v1/auditrecords/x", "/webhooks/v1/registration"):
        assert told(await service.call("GET", path)) == (404, 1000)
    assert told(await service.call("GET", f"/v1/offers/{uuid4()}?country=US")) == (400, 800004)
    assert told(await service.call("GET", "/v1/offers/DZH318Z0BQ4C?country=US")) == (400, 2100)
    assert told(await service.call("GET", "/v1/countryvalidationrules/ZZ")) == (400, 800070)


async def test_pc_6_3_one_intent_per_call_status_and_quantity_are_not_mixed(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 3)
    assert told(await service.change(one, status="suspended", quantity=4)) == (400, 800095)
    assert (await service.change(one, status="suspended")).status_code == 200
    assert told(await service.change(one, status="active", quantity=4)) == (400, 800095)
    assert (await service.change(one, status="active")).json()["quantity"] == 3


async def test_pc_6_5_a_scheduled_change_is_refused_by_what_is_wrong_with_it(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 3)
    product, sku, availability = one["offerId"].split(":")

    async def schedule(quantity=3, **choice):
        chosen = {"productId": product, "skuId": sku, "availabilityId": availability, "termDuration": "P1Y"}
        wish = {"product": {**chosen, "billingCycle": "monthly", **choice}, "quantity": quantity}
        return await service.change(one, scheduledNextTermInstructions=wish)

    assert told(await schedule(quantity=301)) == (400, 900275)
    assert told(await schedule(termDuration="P1M", billingCycle="annual")) == (400, 900270)
    assert told(await schedule(billingCycle="triennial")) == (400, 900270)
    assert told(await schedule(billingCycle="weekly")) == (400, 900269)
    assert told(await schedule(termDuration="P9Y")) == (400, 800121)


async def test_pc_6_8_a_transition_into_another_subscription_names_what_does_not_fit(service):
    customer = await service.customer()
    source = await service.buy(customer, BASIC, 3)
    other = await service.buy(customer, BASIC, 2)
    path = f"/v1/customers/{customer}/subscriptions/{source['id']}/transitions"
    wish = {"toCatalogItemId": await service.item(STANDARD), "transitionType": "transition_only"}

    async def move(**more):
        return told(await service.call("POST", path, {**wish, "quantity": 1, **more}))

    assert await move(toSubscriptionId=source["id"]) == (400, 900259)
    assert await move(toSubscriptionId=other["id"]) == (400, 900260)
    assert await move(quantity=None) == (400, 3000)
    assert await move(toCatalogItemId=await service.item(BASIC)) == (403, 800020)
    target = await service.buy(customer, STANDARD, 1, term="P1M")
    assert await move(toSubscriptionId=target["id"]) == (400, 900261)  # still within its window
    await service.advance(by="P8D")
    assert await move(toSubscriptionId=target["id"]) == (400, 900236)  # ends earlier than the source
    assert (await service.change(target, status="suspended")).status_code == 200
    assert await move(toSubscriptionId=target["id"]) == (400, 900258)


async def test_pc_5_6_the_cycle_of_an_order_with_a_suspended_member_stays(service):
    customer = await service.customer()
    one = await service.buy(customer, E3_LEGACY, 2, term=None)
    order = f"/v1/customers/{customer}/orders/{one['orderId']}"
    assert told(await service.call("PATCH", order, {"billingCycle": "weekly"})) == (400, 6001)
    assert told(await service.call("PATCH", order, {"status": "cancelled"})) == (400, 800063)
    assert (await service.change(one, status="suspended")).status_code == 200
    assert told(await service.call("PATCH", order, {"billingCycle": "annual"})) == (400, 6000)


async def test_pc_6_10_migrations_are_refused_with_the_code_of_the_reason(service):
    customer = await service.customer()
    one = await service.buy(customer, E3_LEGACY, 2, term=None)
    path = f"/v1/customers/{customer}/migrations/newcommerce"
    body = {"currentSubscriptionId": one["id"]}
    assert told(await service.call("POST", path, body)) == (403, 900226)  # a month old at least
    assert told(await service.call("GET", f"{path}/{uuid4()}")) == (400, 900224)
    await service.advance(by="P40D")
    unsold = {**body, "termDuration": "P1M", "billingCycle": "Annual"}
    assert told(await service.call("POST", path, unsold)) == (400, 900222)


async def test_pc_6_12_transfers_are_refused_with_the_codes_of_transfers(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 2)
    path = f"/v1/customers/{customer}/transfers"
    wanted = {"country": "GB", "currency": "GBP", "name": "Other"}
    other = await service.control("POST", "/partners", wanted, expect=201)

    async def create(target, lines):
        body = {"targetPartnerTenantId": target, "lineItems": lines}
        return await service.call("POST", path, body)

    line = {"subscriptionId": one["id"]}
    assert told(await create(service.partner["tenant_id"], [line])) == (400, 900148)
    assert told(await create(str(uuid4()), [line])) == (403, 900137)
    assert told(await create(other["tenant_id"], [])) == (400, 800078)
    assert told(await create(other["tenant_id"], [{"subscriptionId": str(uuid4())}])) == (400, 800078)
    made = (await create(other["tenant_id"], [line])).json()
    assert told(await service.call("POST", f"{path}/{made['id']}/accept")) == (403, 2032)
    assert (await service.call("DELETE", f"{path}/{made['id']}")).status_code == 204
    assert told(await service.call("DELETE", f"{path}/{made['id']}")) == (400, 900102)


async def test_pc_4_2_the_seats_of_a_tenant_are_summed_over_the_lines_of_a_cart_too(service):
    customer = await service.customer()
    item = await service.item(BASIC)
    lines = [
        {"catalogItemId": item, "quantity": 200, "termDuration": "P1Y", "billingCycle": "monthly"},
        {"catalogItemId": item, "quantity": 200, "termDuration": "P1Y", "billingCycle": "annual"},
        {"catalogItemId": item, "quantity": 100, "termDuration": "P1M", "billingCycle": "monthly"},
    ]
    path = f"/v1/customers/{customer}/carts"
    cart = (await service.call("POST", path, {"lineItems": lines})).json()
    errors = [line.get("error") for line in cart["lineItems"]]
    assert (errors[0], errors[2]) == (None, None)
    assert errors[1]["errorCode"] == 10015
    assert errors[1]["additionalInformation"] == {"availableQuantity": 100, "purchasedQuantity": 200}
    done = (await service.call("POST", f"{path}/{cart['id']}/checkout")).json()
    assert ([len(one["lineItems"]) for one in done["orders"]], len(done["orderErrors"])) == ([2], 1)
    direct = {"billingCycle": "monthly", "lineItems": [{"offerId": item, "quantity": 1}]}
    assert told(await service.call("POST", f"/v1/customers/{customer}/orders", direct)) == (400, 10015)


async def test_pc_5_5_an_order_for_another_customer_than_the_paths_is_refused(service):
    customer, other = await service.customer(), await service.customer()
    body = {"referenceCustomerId": other, "lineItems": [{"offerId": E3_LEGACY, "quantity": 1}]}
    assert told(await service.call("POST", f"/v1/customers/{customer}/orders", body)) == (400, 800002)
