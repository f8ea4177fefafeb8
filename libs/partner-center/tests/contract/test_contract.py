"""What the real service does, section by section, through the client."""

from datetime import UTC, date, datetime

import pytest

from csp_partner_center import OutcomeUnknown
from csp_partner_center.carts import NewLine
from csp_partner_center.errors import (
    AgreementMissing,
    AlreadyExists,
    Busy,
    Changed,
    ConsentRequired,
    Invalid,
    NoAnswer,
    NotFound,
    RelationshipMissing,
    RightsMissing,
    ServiceFailed,
    WindowClosed,
)
from csp_partner_center.licences import LicenceToAssign
from csp_partner_center.orders import NewOrderLine
from csp_partner_center.secrets import Secret
from csp_partner_center.subscriptions import (
    cancelling,
    changing_auto_renew,
    changing_quantity,
    reactivating,
    renaming,
    suspending,
)
from csp_partner_center.users import NewUser, PasswordProfile

BASIC = "CFQ7TTC0LH18:0001"
LEGACY = "796b6b5f-613c-4e24-a17c-eba730d49c02"


def a_user(domain: str, name: str = "kim") -> NewUser:
    return NewUser(
        user_principal_name=f"{name}@{domain}",
        display_name="Kim Doe",
        first_name="Kim",
        last_name="Doe",
        usage_location="US",
        password_profile=PasswordProfile(password=Secret("Tr1cky-horse-9")),
    )


async def test_pc_3_1_a_domain_is_free_until_it_is_taken(partner):
    new = partner.new_customer("northbakery")
    assert not (await partner.reseller.domains.is_taken(new.domain)).value
    await partner.reseller.customers.create(new, partner.ids())
    assert (await partner.reseller.domains.is_taken(new.domain)).value


async def test_pc_3_2_the_rules_of_a_country_say_what_the_form_asks(partner):
    rules = (await partner.reseller.domains.country_rules("us")).value
    assert (rules.iso2_code, rules.is_state_required, rules.is_postal_code_required) == ("US", True, True)
    assert "WA" in rules.supported_states_list


async def test_pc_3_3_an_address_is_verified_or_not(partner):
    verdict = (await partner.reseller.domains.validate_address(partner.new_customer().address)).value
    assert verdict.is_acceptable


async def test_pc_3_4_a_new_customer_comes_with_a_password_once(partner):
    ids, new = partner.ids(), partner.new_customer()
    first = (await partner.reseller.customers.create(new, ids)).value
    again = (await partner.reseller.customers.create(new, ids)).value
    assert first.credentials is not None
    assert first.credentials.password
    assert again.customer.id == first.customer.id
    assert again.credentials is None or again.credentials.password is None


async def test_pc_3_4_a_taken_domain_is_told(partner):
    new = partner.new_customer()
    await partner.reseller.customers.create(new, partner.ids())
    with pytest.raises(AlreadyExists):
        await partner.reseller.customers.create(new, partner.ids())


async def test_pc_2_7_a_creation_whose_answer_was_lost_is_found_by_its_domain(partner):
    new = partner.new_customer()
    await partner.fault("customers.create", "error_after")
    with pytest.raises(OutcomeUnknown):
        await partner.reseller.customers.create(new, partner.ids())
    found = await partner.reseller.customers.find("Domain", new.domain.partition(".")[0])
    assert [each.company_profile.domain for each in found] == [new.domain]


async def test_pc_3_5_customers_are_listed_page_by_page(partner):
    made = {
        (await partner.reseller.customers.create(partner.new_customer(), partner.ids())).value.customer.id
        for _ in range(5)
    }
    pages = [page async for page in partner.reseller.customers.pages(size=2)]
    assert {each.id for page in pages for each in page.items} >= made
    assert len(pages) >= 3


async def test_pc_3_5_a_foreign_customer_is_no_customer_of_ours(partner):
    with pytest.raises((RelationshipMissing, NotFound)):
        await partner.reseller.customers.get("00000000-1111-4222-8333-444444444444")


async def test_pc_3_7_a_billing_profile_is_written_back_whole_with_its_etag(partner):
    customer = await partner.customer()
    profiles = partner.reseller.customers
    before = (await profiles.billing_profile(customer)).value
    after = (
        await profiles.change_billing_profile(
            customer, before, {"companyName": "South Bakery"}, partner.ids()
        )
    ).value
    assert (after.company_name, after.culture) == ("South Bakery", before.culture)
    with pytest.raises(Changed):
        await profiles.change_billing_profile(customer, before, {"companyName": "West"}, partner.ids())


async def test_pc_3_8_nothing_is_bought_without_the_agreement(partner):
    customer = (
        await partner.reseller.customers.create(partner.new_customer(), partner.ids())
    ).value.customer.id
    with pytest.raises(AgreementMissing):
        await partner.buy(customer)


async def test_pc_4_2_the_catalogue_leads_from_products_to_what_can_be_bought(partner):
    catalogue = partner.reseller.catalogue
    products = await catalogue.products("US", "commercial")
    assert any(each.product_type and each.product_type.id == "OnlineServicesNCE" for each in products.items)
    product, sku = BASIC.split(":")
    assert (await catalogue.product(product, "US")).value.id == product
    skus = await catalogue.skus(product, "US")
    assert sku in {each.id for each in skus.items}
    assert (await catalogue.sku(product, sku, "US")).value.dynamic_attributes.provisioning_id
    (item, *_) = (await catalogue.availabilities(product, sku, "US")).items
    assert item.catalog_item_id == f"{product}:{sku}:{item.id}"


async def test_pc_4_1_legacy_offers_have_add_ons_without_a_category(partner):
    offers = await partner.reseller.catalogue.offers("US")
    assert offers.unreadable == []
    assert any(each.is_add_on and not each.category.id for each in offers.items)
    assert (await partner.reseller.catalogue.offer(LEGACY, "US")).value.id == LEGACY


async def test_pc_4_2_what_is_not_there_is_not_found(partner):
    with pytest.raises(NotFound):
        await partner.reseller.catalogue.product("CFQ0000000000", "US")


async def test_pc_5_1_a_cart_with_a_bad_line_is_made_and_tells_the_line(partner):
    customer = await partner.customer()
    line = NewLine(
        id=0, catalog_item_id=f"{BASIC}:NOSUCH", quantity=5, billing_cycle="monthly", term_duration="P1Y"
    )
    cart = (await partner.reseller.carts.create(customer, [line], partner.ids())).value
    assert [each.id for each in cart.bad_lines] == [0]


async def test_pc_5_2_checking_out_twice_buys_once(partner):
    customer = await partner.customer()
    await partner.buy(customer)
    bought = await partner.reseller.subscriptions.of_customer(customer)
    assert [(each.quantity, each.product, str(each.status)) for each in bought.items] == [
        (5, BASIC, "active")
    ]
    orders = await partner.reseller.orders.of_customer(customer)
    assert [order.line_items[0].subscription_id for order in orders.items] == [bought.items[0].id]


async def test_pc_2_7_a_checkout_whose_answer_was_lost_is_repeated_with_the_same_id(partner):
    customer = await partner.customer()
    found = await partner.reseller.catalogue.availabilities(*BASIC.split(":"), country="US")
    (item, *_) = [each for each in found.items if each.has_term("P1Y", "monthly")]
    line = NewLine(
        id=0, catalog_item_id=item.catalog_item_id, quantity=5, billing_cycle="monthly", term_duration="P1Y"
    )
    cart = (await partner.reseller.carts.create(customer, [line], partner.ids())).value
    await partner.fault("customers.carts.checkout", "error_after")
    ids = partner.ids()
    with pytest.raises(ServiceFailed):
        await partner.reseller.carts.checkout(customer, cart.id, ids)
    again = (await partner.reseller.carts.checkout(customer, cart.id, ids)).value
    assert len(again.orders) == 1
    assert len((await partner.reseller.subscriptions.of_customer(customer)).items) == 1


async def test_pc_5_5_a_legacy_order_makes_a_subscription_at_once(partner):
    customer = await partner.customer()
    line = NewOrderLine(line_item_number=0, offer_id=LEGACY, quantity=2)
    order = (await partner.reseller.orders.create(customer, [line], "monthly", partner.ids())).value
    assert str(order.status) == "completed"
    (subscription,) = (await partner.reseller.subscriptions.of_customer(customer)).items
    assert (subscription.is_new_commerce, subscription.product, subscription.quantity) == (False, LEGACY, 2)
    assert subscription.attributes.etag


async def test_pc_5_4_an_unknown_order_is_not_found(partner):
    with pytest.raises(NotFound):
        await partner.reseller.orders.get(await partner.customer(), "abcdefabcdef")


async def test_pc_6_3_a_quantity_changes_and_nothing_else(partner):
    customer = await partner.customer()
    before = await partner.buy(customer)
    await partner.reseller.subscriptions.send(changing_quantity(customer, before, 8), partner.ids())
    after = (await partner.reseller.subscriptions.get(customer, before.id)).value
    assert (after.quantity, after.auto_renew_enabled, after.friendly_name) == (
        8,
        before.auto_renew_enabled,
        before.friendly_name,
    )
    assert after.refundable_quantity is not None
    assert [lot.quantity for lot in after.refundable_quantity.details] == [5, 3]


async def test_pc_6_3_the_answer_is_dated_by_microsofts_clock(partner):
    customer = await partner.customer()
    before = await partner.buy(customer)
    await partner.control("POST", "/clock/advance", {"by": "P3D"})
    answer = await partner.reseller.subscriptions.send(changing_quantity(customer, before, 8), partner.ids())
    assert answer.answered_at is not None
    assert answer.answered_at.date() == date(2026, 1, 4)


async def test_pc_6_3_seats_go_back_for_seven_days_only(partner):
    customer = await partner.customer()
    before = await partner.buy(customer)
    await partner.control("POST", "/clock/advance", {"by": "P8D"})
    current = (await partner.reseller.subscriptions.get(customer, before.id)).value
    with pytest.raises(WindowClosed):
        await partner.reseller.subscriptions.send(changing_quantity(customer, current, 4), partner.ids())
    with pytest.raises(WindowClosed):
        await partner.reseller.subscriptions.send(cancelling(customer, current), partner.ids())


async def test_pc_6_3_suspended_and_active_again_without_auto_renewal(partner):
    customer = await partner.customer()
    subscriptions = partner.reseller.subscriptions
    current = await partner.buy(customer)
    await subscriptions.send(suspending(customer, current), partner.ids())
    current = (await subscriptions.get(customer, current.id)).value
    assert (str(current.status), current.auto_renew_enabled) == ("suspended", False)
    with pytest.raises(Invalid):
        await subscriptions.send(changing_quantity(customer, current, 9), partner.ids())
    await subscriptions.send(reactivating(customer, current), partner.ids())
    current = (await subscriptions.get(customer, current.id)).value
    assert (str(current.status), current.auto_renew_enabled) == ("active", False)
    await subscriptions.send(changing_auto_renew(customer, current, enabled=True), partner.ids())
    assert (await subscriptions.get(customer, current.id)).value.auto_renew_enabled


async def test_pc_6_6_cancelled_within_the_window_is_deleted(partner):
    customer = await partner.customer()
    current = await partner.buy(customer)
    await partner.reseller.subscriptions.send(cancelling(customer, current), partner.ids())
    assert str((await partner.reseller.subscriptions.get(customer, current.id)).value.status) == "deleted"


async def test_pc_2_5_a_stale_legacy_etag_is_refused(partner):
    customer = await partner.customer()
    line = NewOrderLine(line_item_number=0, offer_id=LEGACY, quantity=2)
    await partner.reseller.orders.create(customer, [line], "monthly", partner.ids())
    (before,) = (await partner.reseller.subscriptions.of_customer(customer)).items
    await partner.reseller.subscriptions.send(renaming(customer, before, "Office"), partner.ids())
    with pytest.raises(Changed):
        await partner.reseller.subscriptions.send(changing_quantity(customer, before, 3), partner.ids())


async def test_pc_2_7_a_change_whose_answer_was_lost_is_made_once(partner):
    customer = await partner.customer()
    before = await partner.buy(customer)
    await partner.fault("customers.subscriptions.update", "error_after")
    answer = await partner.reseller.subscriptions.send(changing_quantity(customer, before, 8), partner.ids())
    assert answer.value is not None
    assert answer.value.quantity == 8
    sent = await partner.requests("customers.subscriptions.update")
    assert len({each["request_id"] for each in sent}) == 1


async def test_pc_6_3_a_202_is_not_settled_yet(partner):
    customer = await partner.customer()
    before = await partner.buy(customer)
    await partner.control("PATCH", "/profile", {"write_answer": "202"})
    answer = await partner.reseller.subscriptions.send(changing_quantity(customer, before, 8), partner.ids())
    assert not answer.is_settled


async def test_pc_6_4_a_pending_change_keeps_others_off(partner):
    customer = await partner.customer()
    before = await partner.buy(customer)
    await partner.fault("customers.subscriptions.update", "conflict")
    with pytest.raises(Busy):
        await partner.reseller.subscriptions.send(changing_quantity(customer, before, 8), partner.ids())


async def test_pc_2_9_throttling_is_waited_out(partner, clock):
    await partner.fault("customers.list", "throttled", retry_after=2.128)
    _ = [page async for page in partner.reseller.customers.pages()]
    assert any(slept >= 2.128 for slept in clock.slept)


async def test_pc_14_8_truncated_and_html_answers_are_read_again(partner):
    await partner.fault("customers.list", "truncated")
    await partner.fault("customers.list", "html")
    _ = [page async for page in partner.reseller.customers.pages()]
    assert len(await partner.requests("customers.list")) == 3


async def test_pc_14_8_an_empty_401_renews_the_token_once(partner):
    customer = await partner.customer()
    await partner.fault("customers.get", "empty_401")
    assert (await partner.reseller.customers.get(customer)).value.id == customer


async def test_pc_1_3_tokens_die_with_microsofts_clock_and_are_renewed(partner):
    customer = await partner.customer()
    await partner.control("POST", "/clock/advance", {"by": "P1D"})
    assert (await partner.reseller.customers.get(customer)).value.id == customer


async def test_pc_7_2_users_are_made_found_deleted_and_restored(partner):
    customer = await partner.customer()
    users = partner.reseller.users
    made = (await users.create(customer, a_user(await partner.domain(customer)), partner.ids())).value
    listed = [each async for page in users.pages(customer) for each in page.items]
    assert made.id in {each.id for each in listed}
    with pytest.raises(AlreadyExists):
        await users.create(customer, a_user(await partner.domain(customer)), partner.ids())
    await users.delete(customer, made.id, partner.ids())
    gone = [each async for page in users.deleted_pages(customer) for each in page.items]
    assert [each.id for each in gone] == [made.id]
    assert gone[0].soft_deletion_time is not None
    await users.restore(customer, made.id, partner.ids())
    assert str((await users.get(customer, made.id)).value.state) == "active"


async def test_pc_7_2_a_password_is_reset_and_never_logged(partner):
    customer = await partner.customer()
    made = (
        await partner.reseller.users.create(customer, a_user(await partner.domain(customer)), partner.ids())
    ).value
    profile = PasswordProfile(password=Secret("An0ther-horse-7"))
    await partner.reseller.users.reset_password(customer, made.id, profile, partner.ids())
    assert "An0ther" not in str(await partner.control("GET", "/requests"))


async def test_pc_7_2_an_unknown_user_is_not_found(partner):
    with pytest.raises(NotFound):
        await partner.reseller.users.get(await partner.customer(), "00000000-1111-4222-8333-444444444444")


async def test_pc_7_8_licences_are_assigned_counted_and_removed(partner):
    customer = await partner.customer()
    bought = await partner.buy(customer)
    licences = partner.reseller.licences
    sku = (await partner.reseller.subscriptions.provisioning(customer, bought.id)).value.sku_id
    assert sku is not None
    user = (
        await partner.reseller.users.create(customer, a_user(await partner.domain(customer)), partner.ids())
    ).value
    assign = [LicenceToAssign(sku_id=sku)]
    await licences.update(customer, user.id, assign=assign, remove=[], ids=partner.ids())
    (seats,) = [
        each for each in (await licences.subscribed_skus(customer)).items if each.product_sku.id == sku
    ]
    assert (seats.consumed_units, seats.available_units) == (1, 4)
    assert [each.product_sku.id for each in (await licences.of_user(customer, user.id)).items] == [sku]
    await licences.update(customer, user.id, assign=[], remove=[sku], ids=partner.ids())
    assert (await licences.of_user(customer, user.id)).items == []


async def test_pc_7_8_no_licence_left_is_told_by_its_code(partner):
    customer = await partner.customer()
    bought = await partner.buy(customer, 1)
    sku = (await partner.reseller.subscriptions.provisioning(customer, bought.id)).value.sku_id
    first = (
        await partner.reseller.users.create(
            customer, a_user(await partner.domain(customer), "one"), partner.ids()
        )
    ).value
    second = (
        await partner.reseller.users.create(
            customer, a_user(await partner.domain(customer), "two"), partner.ids()
        )
    ).value
    assign = [LicenceToAssign(sku_id=sku or "")]
    await partner.reseller.licences.update(customer, first.id, assign=assign, remove=[], ids=partner.ids())
    with pytest.raises(Invalid) as raised:
        await partner.reseller.licences.update(
            customer, second.id, assign=assign, remove=[], ids=partner.ids()
        )
    assert raised.value.upstream_code == "60012"


async def test_pc_1_2_without_the_delegated_role_nothing_is_shown(partner):
    customer = await partner.customer()
    await partner.act("change_gdap_roles", who="customer_admin", customer_id=customer, roles=[])
    with pytest.raises(RightsMissing):
        await partner.reseller.licences.subscribed_skus(customer)


async def test_pc_8_the_activity_log_names_our_own_changes_by_their_correlation_id(partner):
    customer = await partner.customer()
    before = await partner.buy(customer)
    ids = partner.ids()
    await partner.reseller.subscriptions.send(changing_quantity(customer, before, 8), ids)
    await partner.act("change_quantity", customer_id=customer, subscription_id=before.id, quantity=10)
    records = [
        record
        async for page in partner.reseller.audit.pages(start=date(2026, 1, 1), customer_id=customer)
        for record in page.items
        if record.operation_type == "update_subscription"
    ]
    assert [str(ids.correlation_id) == record.original_correlation_id for record in records].count(True) == 1
    assert len(records) == 2
    assert {record.happened_at.date() for record in records} == {date(2026, 1, 1)}
    assert all(record.happened_at.tzinfo is UTC for record in records)


async def test_pc_9_1_one_registration_is_made_and_replaced(partner):
    webhooks = partner.reseller.webhooks
    assert "subscription-updated" in await webhooks.events()
    assert await webhooks.registration() is None
    await webhooks.register("http://127.0.0.1:9/one", ["subscription-updated"], partner.ids())
    await webhooks.register("http://127.0.0.1:9/two", ["subscription-updated", "test-created"], partner.ids())
    found = await webhooks.registration()
    assert found is not None
    assert found.value.webhook_url == "http://127.0.0.1:9/two"


async def test_pc_10_2_invoices_and_their_lines_are_listed(partner):
    customer = await partner.customer()
    await partner.buy(customer)
    await partner.control("POST", "/clock/advance", {"to": datetime(2026, 2, 12, tzinfo=UTC).isoformat()})
    invoices = [each async for page in partner.reseller.invoices.pages() for each in page.items]
    (modern,) = [each for each in invoices if each.id.startswith("G")]
    lines = [line async for page in partner.reseller.invoices.lines(modern.id) for line in page.items]
    assert lines
    assert sum(line.subtotal for line in lines) == modern.total_charges


async def test_pc_1_3_a_dead_refresh_token_asks_for_a_person(partner):
    customer = await partner.customer()
    await partner.fault("auth.token", "invalid_grant", count=5)
    partner.reseller.session._transport._tokens.forget_reseller("res_north")
    with pytest.raises(ConsentRequired):
        await partner.reseller.users.get(customer, "00000000-1111-4222-8333-444444444444")


async def test_pc_14_8_a_broken_connection_after_the_change_is_no_answer(partner):
    new = partner.new_customer()
    await partner.fault("customers.create", "reset_after")
    with pytest.raises((NoAnswer, ServiceFailed)):
        await partner.reseller.customers.create(new, partner.ids())
    assert (await partner.reseller.domains.is_taken(new.domain)).value
