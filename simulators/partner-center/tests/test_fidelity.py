"""Forms in which a client could tell the simulator from the service (PC 1.2, 2.3, 3.8, 5, 9.1, 13.4, 15.4)."""

import json
import re
from datetime import UTC, datetime

import pytest

from csp_partner_center_simulator.wire.answer import instant

BASIC = "CFQ7TTC0LH18:0001"
OFFICE_E3 = "796B6B5F-613C-4E24-A17C-EBA730D49C02"
THREE_YEARS = "CFQ7TTC0LH2Z:0002"  # sold for three years, paid at once too


def test_a_time_has_seven_digits_when_it_has_a_fraction():
    assert instant(datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)) == "2026-01-02T03:04:05.1234562Z"
    assert instant(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05Z"


async def test_an_order_is_pending_in_the_answer_that_places_it_and_completed_when_it_is_read(service):
    customer = await service.customer()
    line = {"id": 0, "catalogItemId": await service.item(BASIC), "quantity": 2, "billingCycle": "Monthly"}
    lines = {"lineItems": [{**line, "termDuration": "P1M"}]}
    cart = (await service.call("POST", f"/v1/customers/{customer}/carts", lines)).json()
    path = f"/v1/customers/{customer}/carts/{cart['id']}/checkout"
    placed = [(await service.call("POST", path)).json()["orders"][0] for _ in range(2)]
    assert placed[0] == placed[1]
    assert placed[0]["status"] == "pending"
    assert (await service.get(f"/v1/customers/{customer}/orders/{placed[0]['id']}"))["status"] == "completed"


async def test_modern_cart_lines_have_a_provisioning_context_and_legacy_lines_have_none(service):
    customer = await service.customer()
    lines = [
        {"id": 0, "catalogItemId": OFFICE_E3, "quantity": 1, "billingCycle": "monthly"},
        {"id": 1, "catalogItemId": await service.item(BASIC), "quantity": 1, "billingCycle": "monthly",
         "termDuration": "P1M"},
    ]  # fmt: skip
    made = (await service.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": lines})).json()
    assert [one.get("provisioningContext") for one in made["lineItems"]] == [None, {}]
    assert [one["orderGroup"] for one in made["lineItems"]] == ["OMS-0", "0"]


async def test_a_confirmed_agreement_tells_its_date_as_it_was_written(service, new_customer):
    made = (await service.call("POST", "/v1/customers", new_customer("Dated", "dated"))).json()
    agreement = {
        "primaryContact": {"firstName": "Pat", "lastName": "Lee", "email": "pat@example.com"},
        "dateAgreed": "2025-12-31T10:00:00.000+02:00",
        "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9",
        "type": "MicrosoftCustomerAgreement",
    }
    path = f"/v1/customers/{made['id']}/agreements"
    assert (await service.call("POST", path, agreement)).json()["dateAgreed"] == agreement["dateAgreed"]
    listed = await service.get(f"{path}?agreementType=MicrosoftCustomerAgreement")
    assert listed["items"][0]["dateAgreed"] == agreement["dateAgreed"]


async def test_an_app_only_token_is_the_wrong_token_for_license_updates_and_no_token_for_users(service):
    customer = await service.customer()
    users = f"/v1/customers/{customer}/users"
    user = (await service.get(users))["items"][0]["id"]
    refused = await service.call("POST", f"{users}/{user}/licenseupdates", {}, kind="app")
    assert (refused.status_code, refused.json()["code"]) == (400, 900316)
    refused = await service.call("GET", users, kind="app")
    assert (refused.status_code, refused.json()["code"]) == (403, 900329)


async def test_a_webhook_registration_is_told_in_the_mixed_casing_of_the_service(service):
    wish = {"WebhookUrl": "http://127.0.0.1:9/hook", "WebhookEvents": ["test-created"]}
    assert (await service.call("POST", "/webhooks/v1/registration", wish)).status_code == 200
    told = await service.get("/webhooks/v1/registration")
    assert set(told) == {
        "SubscriberId", "WebhookUrl", "WebhookEvents", "signatureTokenToMsSignatureHeader", "lastModifiedTimestamp",
    }  # fmt: skip


async def _graph(service, customer, path, **options):
    token = await service.token(audience="graph", customer_id=customer)
    return await service.http.get(
        f"/graph/v1.0{path}", headers={"Authorization": f"Bearer {token}"}, **options
    )


async def test_graph_tells_the_empty_properties_of_a_user_as_null(service):
    customer = await service.customer()
    user = (await _graph(service, customer, "/users")).json()["value"][0]
    assert set(user) == {
        "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
        "preferredLanguage", "surname", "userPrincipalName",
    }  # fmt: skip
    assert user["jobTitle"] is None
    chosen = (await _graph(service, customer, "/users?$select=id,usageLocation,proxyAddresses")).json()
    assert chosen["value"][0] == {
        "id": user["id"],
        "usageLocation": None,
        "proxyAddresses": [f"SMTP:{user['userPrincipalName']}"],
    }


async def test_graph_refuses_with_a_dated_inner_error_and_throttles_with_one_of_its_own(service):
    customer = await service.customer()
    missing = await _graph(service, customer, "/users/nobody@example.com")
    inner = missing.json()["error"]["innerError"]
    assert set(inner) == {"date", "request-id", "client-request-id"}
    assert inner["date"] == "2026-01-01T00:00:00"
    fault = {"operation": "graph.users.list", "kind": "throttled", "retry_after": 2.5}
    await service.control("POST", "/faults", fault, expect=201)
    refused = await _graph(service, customer, "/users")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2.5")
    error = refused.json()["error"]
    assert error["code"] == "TooManyRequests"
    assert (error["innerError"]["code"], error["innerError"]["status"]) == ("429", "429")


async def test_clients_of_2020_get_no_billing_cycle_cart_error_or_audit_value_they_cannot_read(service):
    customer = await service.customer()
    bought = await service.buy(customer, THREE_YEARS, 2, term="P3Y", cycle="triennial")
    await service.control("PATCH", "/profile", {"closed_enums": True})
    product = THREE_YEARS.partition(":")[0]
    skus = (await service.get(f"/v1/products/{product}/skus?country=US"))["items"]
    assert {cycle for sku in skus for cycle in sku["supportedBillingCycles"]} <= {
        "monthly",
        "annual",
        "none",
        "one_time",
    }
    order = await service.get(f"/v1/customers/{customer}/orders/{bought['orderId']}")
    assert order["billingCycle"] == "annual"
    stale = {"id": 0, "catalogItemId": f"{BASIC}:GONE", "quantity": 1, "billingCycle": "monthly"}
    cart = await service.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": [stale]})
    assert cart.json()["lineItems"][0]["error"]["errorCode"] == 10006
    unchanged = await service.change(bought, friendlyName="Renamed")
    assert (unchanged.status_code, unchanged.json()["billingCycle"]) == (200, "annual")
    records = (await service.get("/v1/auditrecords"))["items"]
    assert {one["operationType"] for one in records} >= {"add_customer", "create_order"}
    assert "create_agreement" not in {one["operationType"] for one in records}
    await service.control("PATCH", "/profile", {"closed_enums": False})
    again = await service.get(f"/v1/customers/{customer}/subscriptions/{bought['id']}")
    assert (again["billingCycle"], again["friendlyName"]) == ("triennial", "Renamed")


async def test_pc_6_1_the_price_lock_of_both_commerces_ends_with_the_last_second_of_its_day(demo):
    for customer in (await demo.get("/v1/customers?size=0"))["items"]:
        for one in (await demo.get(f"/v1/customers/{customer['id']}/subscriptions"))["items"]:
            assert one["commitmentEndDateTime"] == one["commitmentEndDate"].replace(
                "T00:00:00Z", "T23:59:59Z"
            )


async def test_pc_6_3_the_answer_to_a_legacy_change_tells_the_version_of_the_contract(service):
    customer = await service.customer()
    legacy = await service.buy(customer, "796B6B5F-613C-4E24-A17C-EBA730D49C02", 5, term=None)
    modern = await service.buy(customer, "CFQ7TTC0LDPB:0001", 5)
    assert (await service.change(legacy, quantity=6)).headers["ms-contract-version"] == "v1"
    assert "ms-contract-version" not in (await service.change(modern, quantity=6)).headers


async def test_pc_2_2_a_correlation_vector_is_standard_base64_with_a_counter(service):
    seen = [(await service.call("GET", "/v1/customers")).headers["ms-cv"] for _ in range(20)]
    assert all(re.fullmatch(r"[A-Za-z0-9+/]{16}\.0", one) for one in seen)
    assert len(set(seen)) == 20


async def test_pc_5_1_a_line_names_five_more_resellers_and_a_promotion_that_fits(service):
    customer = await service.customer()
    item = await service.item("CFQ7TTC0LDPB:0001")
    line = {"catalogItemId": item, "quantity": 1, "billingCycle": "monthly", "termDuration": "P1Y"}

    def more(count):
        return [
            {"key": "additional_transaction_reseller", "value": str(5300000 + one)} for one in range(count)
        ]

    async def error(**wish):
        made = await service.call(
            "POST", f"/v1/customers/{customer}/carts", {"lineItems": [{**line, **wish}]}
        )
        assert made.status_code == 201
        return made.json()["lineItems"][0].get("error", {}).get("errorCode")

    assert await error(participants=more(5)) is None
    assert await error(participants=more(6)) == 10004
    assert await error(promotionId="39NFJQT1PFPJ:000H:39NFJQT1Q5DK") == 10010


async def test_pc_2_4_users_are_filtered_by_state_and_name_together(service):
    customer = await service.customer(prefix="states")
    users = f"/v1/customers/{customer}/users"
    for name in ("ann", "bob"):
        form = {
            "usageLocation": "US", "userPrincipalName": f"{name}@states.onmicrosoft.com", "displayName": name,
            "passwordProfile": {"password": "Zx9!qwertyUU"},
        }  # fmt: skip
        made = await service.call("POST", users, form)
        await service.call("DELETE", f"{users}/{made.json()['id']}")

    async def names(text):
        found = await service.get(users, params={"size": 0, "filter": json.dumps(text)})
        return [one["displayName"] for one in found["items"]]

    gone = {"Field": "UserState", "Value": "Inactive", "Operator": "equals"}
    begins = {"Field": "DisplayName", "Value": "A", "Operator": "starts_with"}
    assert await names(gone) == ["ann", "bob"]
    assert await names({"LeftFilter": gone, "RightFilter": begins, "Operator": "and"}) == ["ann"]
    assert "ann" not in await names({**gone, "Operator": "not_equals"})


async def test_the_keys_of_a_provisioning_context_come_back_as_they_were_sent(service):
    customer = await service.customer()
    context = {"subscriptionId": "1C461A25-F729-4FA5-AADB-280947DD05E8", "Scope": "shared"}
    line = {"id": 0, "catalogItemId": await service.item("CFQ7TTC0LH18:0001"), "quantity": 1}
    line |= {"billingCycle": "monthly", "termDuration": "P1Y", "ProvisioningContext": context}
    made = await service.call("POST", f"/v1/customers/{customer}/carts", {"LineItems": [line]})
    assert made.json()["lineItems"][0]["provisioningContext"] == context
    done = await service.call("POST", f"/v1/customers/{customer}/carts/{made.json()['id']}/checkout")
    assert done.json()["orders"][0]["lineItems"][0]["provisioningContext"] == context


@pytest.mark.parametrize("name", ["migration_id", "migrationId", "MigrationId"])
async def test_query_names_are_taken_with_and_without_underscores(service, name):
    customer = await service.customer()
    path = f"/v1/customers/{customer}/migrations/newcommerce/events"
    assert await service.get(f"{path}?{name}=7123c075-fc05-42d6-a21e-1d2036fa490b") == []
