"""What the real service does, said through the product's own client; each test names its section of the reference."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from csp_partner_center import OutcomeUnknown, Refused, Secret
from csp_partner_center.carts import NewLine
from csp_partner_center.domains import Address
from csp_partner_center.errors import AgreementMissing, Busy, Changed, RightsMissing, WindowClosed
from csp_partner_center.licences import LicenceToAssign
from csp_partner_center.subscriptions import (
    SubscriptionStatus,
    cancelling,
    changing_quantity,
    reactivating,
    suspending,
)
from csp_partner_center.transitions import NewTransition
from csp_partner_center.users import NewUser, PasswordProfile

BASIC, STANDARD = "CFQ7TTC0LH18:0001", "CFQ7TTC0LDPB:0001"
OFFICE_E3 = "796B6B5F-613C-4E24-A17C-EBA730D49C02"


async def every(pages):
    return [item async for page in pages for item in page.items]


async def test_pc_3_1_a_domain_is_free_until_a_tenant_has_it(shop):
    assert (await shop.api.domains.is_taken("brightbakes.onmicrosoft.com")).value is False
    await shop.customer("brightbakes")
    assert (await shop.api.domains.is_taken("brightbakes.onmicrosoft.com")).value is True


async def test_pc_3_2_country_rules_and_3_3_addresses(shop):
    rules = (await shop.api.domains.country_rules("US")).value
    assert (rules.default_culture, rules.is_state_required, "WA" in rules.supported_states_list) == (
        "en-US",
        True,
        True,
    )
    address = Address(
        country="US", address_line1="1 Main Street", city="Seattle", state="WA", postal_code="98101"
    )
    assert (await shop.api.domains.validate_address(address)).value.is_acceptable


async def test_pc_3_5_customers_come_by_pages_and_by_the_beginning_of_their_name(shop):
    made = [await shop.customer() for _ in range(5)]
    listed = await every(shop.api.customers.pages(size=2))
    assert [one.id for one in listed] == made
    found = await shop.api.customers.find("CompanyName", "contr")
    assert {one.id for one in found} == set(made)


async def test_pc_4_2_skus_availabilities_and_terms_are_read_at_the_moment_of_purchase(shop):
    skus = {one.id: one for one in (await shop.api.catalogue.skus("CFQ7TTC0LH18", "US", "commercial")).items}
    assert (skus["0001"].maximum_quantity, skus["0001"].dynamic_attributes.is_addon) == (300, False)
    [availability] = (await shop.api.catalogue.availabilities("CFQ7TTC0LH18", "0001", "US")).items
    assert availability.has_term("P1Y", "monthly")


async def test_pc_5_2_a_checkout_makes_an_order_and_a_subscription(shop):
    customer = await shop.customer()
    bought = await shop.buy(customer, BASIC, 5)
    assert (bought.quantity, bought.status, bought.is_new_commerce) == (5, SubscriptionStatus.ACTIVE, True)
    [order] = (await shop.api.orders.of_customer(customer)).items
    assert order.line_items[0].subscription_id == bought.id


async def test_pc_3_8_without_the_agreement_a_checkout_is_refused(shop):
    made = await shop.act("create_customer", company_name="No Agreement", domain="noagreement", country="US")
    customer = made["customer_id"]
    line = NewLine(
        id=0, catalog_item_id=await shop.item(BASIC), quantity=1, billing_cycle="monthly", term_duration="P1Y"
    )
    cart = (await shop.api.carts.create(customer, [line], shop.ids())).value
    with pytest.raises(AgreementMissing):
        await shop.api.carts.checkout(customer, cart.id, shop.ids())


async def test_pc_6_3_a_quantity_change_keeps_auto_renew_and_leaves_seats_that_may_go_again(shop):
    customer = await shop.customer()
    bought = await shop.buy(customer, BASIC, 5)
    await shop.advance(by="P4D")
    raised = (await shop.api.subscriptions.send(changing_quantity(customer, bought, 8), shop.ids())).value
    assert (raised.quantity, raised.auto_renew_enabled) == (8, True)
    assert [lot.quantity for lot in raised.refundable_quantity.details] == [5, 3]
    await shop.advance(by="P8D")
    now = (await shop.api.subscriptions.get(customer, bought.id)).value
    with pytest.raises(WindowClosed):
        await shop.api.subscriptions.send(changing_quantity(customer, now, 7), shop.ids())
    with pytest.raises(WindowClosed):
        await shop.api.subscriptions.send(cancelling(customer, now), shop.ids())


async def test_pc_2_5_a_stale_etag_of_a_legacy_subscription_is_told_apart(shop):
    customer = await shop.customer()
    bought = await shop.buy(customer, OFFICE_E3, 2, term=None)
    await shop.act("change_quantity", customer_id=customer, subscription_id=bought.id, quantity=3)
    with pytest.raises(Changed):
        await shop.api.subscriptions.send(changing_quantity(customer, bought, 4), shop.ids())
    now = (await shop.api.subscriptions.get(customer, bought.id)).value
    suspended = (await shop.api.subscriptions.send(suspending(customer, now), shop.ids())).value
    assert suspended.status is SubscriptionStatus.SUSPENDED
    active = (await shop.api.subscriptions.send(reactivating(customer, suspended), shop.ids())).value
    assert active.status is SubscriptionStatus.ACTIVE


async def test_pc_2_7_a_timeout_after_success_is_settled_by_repeating_the_request_id(shop):
    customer = await shop.customer()
    bought = await shop.buy(customer, BASIC, 5)
    await shop.fault("customers.subscriptions.update", "timeout_after", delay_seconds=0.01)
    ids = shop.ids()
    call = changing_quantity(customer, bought, 8)
    try:
        answer = (await shop.api.subscriptions.send(call, ids)).value
    except OutcomeUnknown:
        answer = (await shop.api.subscriptions.send(call, ids)).value
    assert answer.quantity == 8
    orders = (await shop.api.orders.of_customer(customer)).items
    assert [one.line_items[0].transaction_type for one in orders] == ["New", "AddQuantity"]


async def test_pc_2_9_a_429_is_waited_for_and_14_3_a_pending_change_is_busy(shop):
    await shop.fault("customers.list", "throttled", retry_after=1.5)
    assert await every(shop.api.customers.pages()) == []
    customer = await shop.customer()
    bought = await shop.buy(customer, BASIC, 5)
    await shop.control("PATCH", "/profile", {"latency": "realistic", "write_answer": "202"})
    accepted = await shop.api.subscriptions.send(changing_quantity(customer, bought, 8), shop.ids())
    assert accepted.is_settled is False
    with pytest.raises(Busy):
        await shop.api.subscriptions.send(changing_quantity(customer, bought, 9), shop.ids())
    await shop.advance(until="idle")
    assert (await shop.api.subscriptions.get(customer, bought.id)).value.quantity == 8


async def test_pc_7_users_licences_and_the_rights_they_need(shop):
    customer = await shop.customer("people")
    await shop.buy(customer, BASIC, 1)
    new = NewUser(
        user_principal_name="kim@people.onmicrosoft.com",
        display_name="Kim Doe",
        password_profile=PasswordProfile(password=Secret("Tr1cky-horse-9"), force_change_password=True),
        usage_location="US",
    )
    user = (await shop.api.users.create(customer, new, shop.ids())).value
    [sku] = (await shop.api.licences.subscribed_skus(customer)).items
    assign = [LicenceToAssign(sku_id=sku.product_sku.id)]
    await shop.api.licences.update(customer, user.id, assign=assign, remove=[], ids=shop.ids())
    [sku] = (await shop.api.licences.subscribed_skus(customer)).items
    assert (sku.consumed_units, sku.available_units) == (1, 0)
    names = {one.user_principal_name for one in await every(shop.api.users.pages(customer, size=1))}
    assert names == {"admin@people.onmicrosoft.com", "kim@people.onmicrosoft.com"}
    await shop.api.users.delete(customer, user.id, shop.ids())
    assert [one.id for one in await every(shop.api.users.deleted_pages(customer))] == [user.id]
    await shop.act("change_gdap_roles", customer_id=customer, roles=["Global Reader"])
    with pytest.raises(RightsMissing):
        await shop.api.users.restore(customer, user.id, shop.ids())


async def test_pc_8_own_changes_come_back_in_the_activity_log_with_our_correlation_id(shop):
    customer = await shop.customer()
    await shop.buy(customer, BASIC, 5)
    records = await every(shop.api.audit.pages(start=date(2026, 1, 1), customer_id=customer, size=2))
    assert {one.operation_type for one in records} == {"add_customer", "create_agreement", "create_order"}
    assert {one.original_correlation_id for one in records} == {str(shop.correlation)}


async def test_pc_13_graph_users_and_delta_of_the_customers_directory(shop):
    customer = await shop.customer("graphed")
    first = [page async for page in shop.api.graph.delta(customer)]
    assert [user.user_principal_name for page in first for user in page.users] == [
        "admin@graphed.onmicrosoft.com"
    ]
    made = await shop.act(
        "create_user",
        customer_id=customer,
        user_principal_name="ann@graphed.onmicrosoft.com",
        display_name="Ann Bell",
    )
    second = [page async for page in shop.api.graph.delta(customer, first[-1].delta_link)]
    assert [user.id for page in second for user in page.users] == [made["user"]["id"]]
    await shop.act("delete_user", customer_id=customer, user_id=made["user"]["id"])
    third = [page async for page in shop.api.graph.delta(customer, second[-1].delta_link)]
    assert [(user.id, user.removed.reason) for page in third for user in page.users] == [
        (made["user"]["id"], "changed")
    ]


async def test_pc_9_1_one_registration_is_made_then_changed(shop):
    assert await shop.api.webhooks.registration() is None
    events = await shop.api.webhooks.events()
    assert {"subscription-updated", "invoice-ready", "test-created"} <= set(events)
    for url in ("http://127.0.0.1:9/one", "http://127.0.0.1:9/two"):
        await shop.api.webhooks.register(url, ["subscription-updated"], shop.ids())
        kept = await shop.api.webhooks.registration()
        assert kept.value.webhook_url == url


async def test_pc_10_invoices_lines_and_unbilled_lines(shop):
    customer = await shop.customer()
    await shop.buy(customer, BASIC, 10)
    await shop.buy(customer, OFFICE_E3, 2, term=None)
    unbilled = await every(shop.api.invoices.unbilled_lines("USD"))
    assert [(line.charge_type, line.subtotal) for line in unbilled] == [("new", Decimal("58.8"))]
    await shop.advance(to="2026-02-10T00:00:00Z")
    invoices = {one.id[0]: one for one in await every(shop.api.invoices.pages())}
    lines = await every(shop.api.invoices.lines(invoices["G"].id))
    assert sum(line.subtotal for line in lines) == invoices["G"].total_charges == Decimal("58.8")
    [legacy] = await every(shop.api.invoices.legacy_lines(invoices["D"].id))
    assert (legacy.charge_type, legacy.quantity) == ("Cycle fee", 2)


async def test_pc_10_9_the_export_is_awaited_and_streamed(shop):
    customer = await shop.customer()
    await shop.buy(customer, BASIC, 10)
    operation_id = await shop.api.billing_export.start_unbilled("USD", shop.ids())
    operation = await shop.api.billing_export.operation(operation_id)
    manifest = await shop.api.billing_export.manifest(operation)
    assert [blob.name.endswith(".json.gz") for blob in manifest.blobs] == [True]


async def test_pc_11_price_sheet_rows_are_one_charge_of_their_plan(shop):
    rows = await shop.api.price_sheets.licence_prices("US")
    found = [
        row
        for row in rows
        if (row.product_id, row.sku_id, row.term_duration) == ("CFQ7TTC0LH18", "0001", "P1Y")
    ]
    assert {(row.billing_plan, row.unit_price) for row in found} == {
        ("Monthly", Decimal("5.88")),
        ("Annual", Decimal("67.20")),
    }


async def test_pc_6_8_a_full_transition_keeps_the_subscription(shop):
    customer = await shop.customer()
    bought = await shop.buy(customer, BASIC, 5)
    targets = await shop.api.transitions.eligibilities(customer, bought.id)
    target = next(one.catalog_item_id for one in targets if one.catalog_item_id.startswith(STANDARD))
    new = NewTransition(
        to_catalog_item_id=target, quantity=5, transition_type="transition_with_license_transfer"
    )
    done = (await shop.api.transitions.transition(customer, bought.id, new, shop.ids())).value
    assert done.to_subscription_id == bought.id
    assert [one.operation_id for one in await shop.api.transitions.history(customer, bought.id)] == [
        done.operation_id
    ]


async def test_pc_12_a_refusal_carries_microsofts_code(shop):
    customer = await shop.customer()
    bought = await shop.buy(customer, BASIC, 5)
    with pytest.raises(Refused) as refused:
        await shop.api.subscriptions.send(changing_quantity(customer, bought, 301), shop.ids())
    assert refused.value.upstream_code == "900275"


async def test_pc_2_2_answers_are_dated_by_the_virtual_clock(shop):
    await shop.advance(to="2026-05-01T12:00:00Z")
    customer = await shop.customer()
    answer = await shop.api.customers.get(customer)
    assert answer.answered_at == datetime(2026, 5, 1, 12, tzinfo=UTC)
