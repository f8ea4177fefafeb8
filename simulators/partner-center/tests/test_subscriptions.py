"""The one PATCH, scheduled changes, and the life of a subscription (PC 6.3 to 6.7)."""

import pytest

BASIC = "CFQ7TTC0LH18:0001"
STANDARD = "CFQ7TTC0LDPB:0001"
OFFICE_E3 = "796B6B5F-613C-4E24-A17C-EBA730D49C02"


async def read(service, one):
    return await service.get(f"/v1{one['links']['self']['uri']}")


async def test_seats_leave_within_seven_days_newest_lot_first_and_not_after(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5)
    await service.advance(by="P4D")
    await service.change(one, quantity=8)
    down = await service.change(one, quantity=6)
    assert down.json()["refundableQuantity"]["details"] == [
        {"quantity": 5, "allowedUntilDateTime": "2026-01-08T00:00:00Z"},
        {"quantity": 1, "allowedUntilDateTime": "2026-01-12T00:00:00Z"},
    ]
    await service.advance(by="P4D")
    refused = await service.change(one, quantity=4)
    assert (refused.status_code, refused.json()["code"]) == (400, 800090)
    assert (await service.change(one, quantity=5)).status_code == 200


async def test_suspending_switches_auto_renew_off_drops_the_schedule_and_reactivation_does_not_restore_it(
    service,
):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5)
    product, sku, availability = one["offerId"].split(":")
    schedule = {
        "product": {
            "productId": product,
            "skuId": sku,
            "availabilityId": availability,
            "billingCycle": "Monthly",
            "termDuration": "P1M",
        },
        "quantity": 7,
    }
    scheduled = await service.change(one, scheduledNextTermInstructions=schedule)
    assert scheduled.json()["scheduledNextTermInstructions"]["quantity"] == 7
    suspended = (await service.change(one, status="suspended")).json()
    assert (suspended["status"], suspended["autoRenewEnabled"]) == ("suspended", False)
    assert "scheduledNextTermInstructions" not in suspended
    refused = await service.change(one, quantity=6)
    assert refused.json()["code"] == 800091
    active = (await service.change(one, status="active")).json()
    assert (active["status"], active["autoRenewEnabled"]) == ("active", False)


async def test_a_minimal_body_turns_auto_renew_off_and_removes_the_schedule(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5)
    answer = await service.call("PATCH", f"/v1{one['links']['self']['uri']}", {"Quantity": 6})
    assert (answer.json()["quantity"], answer.json()["autoRenewEnabled"]) == (6, False)


async def test_a_scheduled_change_applies_at_renewal_and_a_quantity_change_deletes_it(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5, term="P1M")
    product, sku = STANDARD.split(":")
    schedule = {
        "product": {"productId": product, "skuId": sku, "billingCycle": "monthly", "termDuration": "P1Y"},
        "quantity": 9,
    }
    assert (await service.change(one, scheduledNextTermInstructions=schedule)).status_code == 200
    await service.change(one, quantity=6)
    assert "scheduledNextTermInstructions" not in await read(service, one)
    await service.change(one, scheduledNextTermInstructions=schedule)
    await service.advance(by="P1M")
    renewed = await read(service, one)
    assert (renewed["quantity"], renewed["termDuration"], renewed["commitmentEndDate"]) == (
        9,
        "P1Y",
        "2027-01-31T00:00:00Z",
    )
    assert renewed["offerId"].startswith(STANDARD)
    orders = (await service.get(f"/v1/customers/{customer}/orders"))["items"]
    assert [one["lineItems"][0]["transactionType"] for one in orders] == ["New", "AddQuantity", "Renew"]


async def test_without_auto_renew_it_expires_is_disabled_and_deleted(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5, term="P1M")
    await service.change(one, autoRenewEnabled=False)
    seen = []
    for day in ("2026-01-31", "2026-02-01", "2026-03-02", "2026-03-03", "2026-05-31", "2026-06-01"):
        await service.advance(to=f"{day}T00:00:00Z")
        seen.append((await read(service, one))["status"])
    assert seen == ["active", "expired", "expired", "disabled", "disabled", "deleted"]
    refused = await service.change(one, status="active")
    assert refused.json()["code"] == 2011


async def test_a_suspended_subscription_is_disabled_at_its_end_and_billed_until_then(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5, term="P1M")
    await service.change(one, status="suspended")
    await service.advance(by="P1M")
    assert (await read(service, one))["status"] == "disabled"
    await service.advance(by="P121D")
    assert (await read(service, one))["status"] == "deleted"


async def test_terms_grow_at_once_but_never_shrink(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5, term="P1M")
    grown = await service.change(one, termDuration="P1Y", billingCycle="annual")
    assert (grown.json()["termDuration"], grown.json()["commitmentEndDate"]) == (
        "P1Y",
        "2026-12-31T00:00:00Z",
    )
    shrunk = await service.change(one, termDuration="P1M", billingCycle="monthly")
    assert (shrunk.status_code, shrunk.json()["code"]) == (400, 800122)


async def test_legacy_subscriptions_check_the_etag_of_header_or_body(service):
    customer = await service.customer()
    one = await service.buy(customer, OFFICE_E3, 5, term=None)
    first = await service.change(one, quantity=6)
    assert first.status_code == 200
    uri = f"/v1{one['links']['self']['uri']}"
    stale = await service.call("PATCH", uri, {**one, "quantity": 7})
    assert (stale.status_code, stale.json()["code"]) == (400, 2055)
    stale = await service.call(
        "PATCH", uri, {"quantity": 7}, headers={"If-Match": f'"{one["attributes"]["etag"]}"'}
    )
    assert stale.json()["code"] == 2055
    last_writer = await service.call("PATCH", uri, {"quantity": 7})
    assert last_writer.json()["quantity"] == 7


async def test_legacy_add_ons_are_bought_on_the_order_and_follow_their_base(service):
    customer = await service.customer()
    base = await service.buy(customer, OFFICE_E3, 5, term=None)
    addons = (await service.get(f"/v1/offers/{OFFICE_E3}/addons?country=US"))["items"]
    addon = next(one for one in addons if one["isAddOn"] and one["minimumQuantity"] == 1)
    order = await service.call(
        "PATCH",
        f"/v1/customers/{customer}/orders/{base['orderId']}",
        {
            "LineItems": [
                {
                    "LineItemNumber": 0,
                    "OfferId": addon["id"],
                    "ParentSubscriptionId": base["id"].upper(),
                    "Quantity": 2,
                }
            ]
        },
    )
    assert order.status_code == 200, order.text
    assert len(order.json()["lineItems"]) == 2
    [child] = (await service.get(f"/v1/customers/{customer}/subscriptions/{base['id']}/addons"))["items"]
    assert child["parentSubscriptionId"] == base["id"]
    await service.change(base, status="suspended")
    assert (await read(service, child))["status"] == "suspended"
    refused = await service.change(child, status="active")
    assert (refused.status_code, refused.json()["code"]) == (409, 27009)
    await service.change(base, status="active")
    assert (await read(service, child))["status"] == "active"


async def test_changing_the_billing_cycle_of_a_legacy_order_resets_the_year(service):
    customer = await service.customer()
    one = await service.buy(customer, OFFICE_E3, 5, term=None)
    refused = await service.change(one, billingCycle="annual")
    assert refused.json()["code"] == 2054
    await service.advance(by="P40D")
    changed = await service.call(
        "PATCH", f"/v1/customers/{customer}/orders/{one['orderId']}", {"BillingCycle": "Annual"}
    )
    assert changed.json()["billingCycle"] == "annual"
    now = await read(service, one)
    assert (now["billingCycle"], now["effectiveStartDate"]) == ("annual", "2026-02-10T00:00:00Z")


async def test_end_dates_align_to_months_and_to_other_subscriptions(service):
    customer = await service.customer()
    await service.advance(to="2026-01-10T00:00:00Z")
    await service.buy(customer, STANDARD, 2)
    listed = (
        await service.get(f"/v1/customers/{customer}/subscriptions/customTermEndDates?term_duration=P1Y")
    )["items"]
    assert {
        "allowedCustomTermEndDateType": "calendarMonthAligned",
        "allowedCustomTermEndDate": "2026-03-31T00:00:00",
    } in listed
    aligned = [one for one in listed if one["allowedCustomTermEndDateType"] == "subscriptionAligned"]
    assert [one["allowedCustomTermEndDate"] for one in aligned] == ["2027-01-09T00:00:00"]
    one = await service.buy(customer, BASIC, 10, customTermEndDate="2026-03-31T00:00:00Z")
    assert (one["commitmentEndDate"], one["billingCycleEndDate"]) == (
        "2026-03-31T00:00:00Z",
        "2026-01-31T00:00:00Z",
    )
    query = "provider=onetime&invoicelineitemtype=billinglineitems&currencycode=USD&period=current"
    line = (await service.get(f"/v1/invoices/unbilled/lineitems?{query}"))["items"][-1]
    # 22 of January's 31 days: 5.88 x 22/31 = 4.1729 -> 4.17 x 10
    assert (line["chargeType"], line["subtotal"], line["chargeEndDate"][:10]) == ("new", "41.7", "2026-01-31")
    refused = await service.call(
        "POST",
        f"/v1/customers/{customer}/carts",
        {
            "lineItems": [
                {
                    "catalogItemId": await service.item(BASIC),
                    "quantity": 1,
                    "termDuration": "P1Y",
                    "billingCycle": "monthly",
                    "customTermEndDate": "2026-03-30T00:00:00Z",
                }
            ]
        },
    )
    assert refused.json()["lineItems"][0]["error"]["errorCode"] == 900242


@pytest.mark.parametrize(
    ("key", "quantity", "term", "cycle", "code"),
    [
        (BASIC, 301, "P1Y", "monthly", 10015),
        (BASIC, 5, "P3Y", "triennial", None),
        (BASIC, 5, "P1M", "annual", 10010),
        ("CFQ7TTC0HDK0:0001", 1, "P1Y", "monthly", 400041),
        ("CFQ7TTC0LH18:000L", 1, "P1Y", "monthly", 400072),
    ],
)
async def test_a_cart_with_bad_lines_is_made_and_says_why(service, key, quantity, term, cycle, code):
    customer = await service.customer()
    line = {
        "catalogItemId": await service.item(key),
        "quantity": quantity,
        "termDuration": term,
        "billingCycle": cycle,
    }
    cart = await service.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": [line]})
    assert cart.status_code == 201
    error = cart.json()["lineItems"][0].get("error")
    if code is None:
        plans = (await service.get("/v1/products/CFQ7TTC0LH18/skus/0001/availabilities?country=US"))["items"][
            0
        ]["terms"]
        assert (error is None) is any(
            one["duration"] == term and one["billingCycle"].lower() == cycle for one in plans
        )
    else:
        assert error["errorCode"] == code


async def test_seats_count_over_all_subscriptions_of_the_tenant(service):
    customer = await service.customer()
    await service.buy(customer, BASIC, 200)
    line = {
        "catalogItemId": await service.item(BASIC),
        "quantity": 150,
        "termDuration": "P1M",
        "billingCycle": "monthly",
    }
    cart = (await service.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": [line]})).json()
    error = cart["lineItems"][0]["error"]
    assert (error["errorCode"], error["additionalInformation"]) == (
        10015,
        {"availableQuantity": 100, "purchasedQuantity": 200},
    )


async def test_checkout_is_idempotent_and_needs_the_agreement(service, new_customer):
    made = await service.call("POST", "/v1/customers", new_customer("No Agreement", "noagree"))
    customer = made.json()["id"]
    line = {
        "catalogItemId": await service.item(BASIC),
        "quantity": 1,
        "termDuration": "P1Y",
        "billingCycle": "monthly",
    }
    cart = (await service.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": [line]})).json()
    path = f"/v1/customers/{customer}/carts/{cart['id']}/checkout"
    refused = await service.call("POST", path)
    assert (refused.status_code, refused.json()["code"]) == (403, 13605)
    await service.act("sign_agreement", who="customer_admin", customer_id=customer)
    first, again = await service.call("POST", path), await service.call("POST", path, "success")
    assert first.json()["orders"][0]["id"] == again.json()["orders"][0]["id"]
    assert (await service.get(f"/v1/customers/{customer}/subscriptions"))["totalCount"] == 1
    await service.advance(by="P8D")
    gone = await service.call("POST", path)
    assert (gone.status_code, gone.json()["code"]) == (404, 800008)


async def test_availability_ids_rotate_and_stale_ones_fail_at_checkout(service):
    customer = await service.customer()
    item = await service.item(BASIC)
    line = {"catalogItemId": item, "quantity": 1, "termDuration": "P1Y", "billingCycle": "monthly"}
    for _ in range(3):
        await service.advance(by="P1M")
        if await service.item(BASIC) != item:
            break
    else:
        pytest.fail("no rotation in three months")
    cart = await service.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": [line]})
    assert cart.json()["lineItems"][0]["error"]["errorCode"] == 400019
    checkout = await service.call("POST", f"/v1/customers/{customer}/carts/{cart.json()['id']}/checkout")
    assert (checkout.status_code, checkout.json()["code"]) == (404, 400019)


async def test_a_subscription_whose_order_is_still_processed_is_not_ready_for_changes(service):
    customer = await service.customer()
    await service.control("PATCH", "/profile", {"latency": "realistic"})
    await service.advance(by="PT2M")
    cart = {"lineItems": [{"id": 0, "catalogItemId": await service.item(BASIC), "quantity": 2,
                           "billingCycle": "monthly", "termDuration": "P1M"}]}  # fmt: skip
    made = (await service.call("POST", f"/v1/customers/{customer}/carts", cart)).json()
    placed = await service.call("POST", f"/v1/customers/{customer}/carts/{made['id']}/checkout")
    assert "subscriptionId" not in placed.json()["orders"][0]["lineItems"][0]
    pending = (await service.get(f"/v1/customers/{customer}/subscriptions"))["items"][0]
    assert pending["status"] == "pending"
    early = await service.change(pending, quantity=3)
    assert (early.status_code, early.json()["code"]) == (409, 800082)
    await service.advance(by="PT3M")
    assert (await service.change(pending, quantity=3)).status_code in {200, 202}


async def test_an_integration_sandbox_has_room_for_five_subscriptions_of_25_licenses(service):
    customer = await service.customer()
    await service.control("PATCH", "/profile", {"integration_sandbox": True})
    line = {
        "id": 0,
        "catalogItemId": await service.item(BASIC),
        "billingCycle": "monthly",
        "termDuration": "P1M",
    }

    async def error(quantity):
        cart = {"lineItems": [{**line, "quantity": quantity}]}
        made = await service.call("POST", f"/v1/customers/{customer}/carts", cart)
        return made.json()["lineItems"][0].get("error", {}).get("errorCode")

    assert await error(26) == 10009
    bought = [await service.buy(customer, BASIC, 1, term="P1M") for _ in range(5)]
    assert await error(1) == 10009
    refused = await service.change(bought[0], quantity=26)
    assert (refused.status_code, refused.json()["code"]) == (403, 800067)
    assert (await service.change(bought[0], quantity=25)).status_code == 200


async def test_refund_options_tell_their_dates_when_these_are_past_too(service):
    customer = await service.customer()
    bought = await service.buy(customer, BASIC, 2)
    await service.advance(by="P30D")
    later = await service.get(f"/v1/customers/{customer}/subscriptions/{bought['id']}")
    assert later["refundOptions"] == bought["refundOptions"]
    assert later["refundableQuantity"] == {"totalQuantity": 0, "details": []}
