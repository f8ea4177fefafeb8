"""Clock, snapshots, reset, profiles and the realistic delays (PC 14.1 to 14.3)."""

import asyncio

import pytest

BASIC = "CFQ7TTC0LH18:0001"


async def test_the_clock_does_not_go_backwards_but_a_reset_may(service):
    await service.control("PUT", "/clock", {"now": "2026-03-01T00:00:00Z"})
    refused = await service.control("PUT", "/clock", {"now": "2026-02-01T00:00:00Z"}, expect=409)
    assert "does not go backwards" in refused["detail"]
    told = await service.control("POST", "/reset", {"world": "empty", "now": "2025-06-01T00:00:00Z"})
    assert told == {"now": "2025-06-01T00:00:00Z", "world": "empty"}


async def test_followers_learn_at_once_that_the_clock_has_passed_a_time(service):
    following = asyncio.create_task(service.control("GET", "/clock?after=2026-01-01T00:00:00Z&wait=20"))
    await asyncio.sleep(0)
    await service.advance(by="P1D")
    assert (await asyncio.wait_for(following, 5))["now"] == "2026-01-02T00:00:00Z"
    assert (await service.control("GET", "/clock?after=2026-01-02T00:00:00Z&wait=0"))[
        "now"
    ] == "2026-01-02T00:00:00Z"


async def test_advancing_tells_what_was_done_in_order(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5, term="P1M")
    ran = (await service.advance(by="P1M"))["ran"]
    assert [task["at"] for task in ran] == sorted(task["at"] for task in ran)
    assert {
        "at": "2026-02-01T00:00:00Z",
        "what": "subscription.due",
        "customer_id": customer,
        "subscription_id": one["id"],
    } in ran


async def test_snapshots_bring_back_state_and_clock(service):
    customer = await service.customer("Before")
    await service.control("PUT", "/snapshots/before", expect=204)
    await service.advance(by="P40D")
    await service.customer("After")
    assert await service.control("GET", "/snapshots") == ["before"]
    told = await service.control("POST", "/snapshots/before/restore")
    assert told["now"] == "2026-01-01T00:00:00Z"
    listed = (await service.get("/v1/customers"))["items"]
    assert [one["id"] for one in listed] == [customer]
    await service.control("POST", "/snapshots/never/restore", expect=404)


async def test_mistakes_are_problem_documents_that_name_the_field(service):
    answer = await service.http.post("/_control/clock/advance", json={"by": "a week"})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "ISO 8601 duration" in answer.json()["detail"]
    wrong = await service.control("POST", "/faults", {"operation": "*", "kind": "earthquake"}, expect=400)
    assert wrong["detail"].startswith("kind:")
    missing = await service.control("POST", "/tokens", {"kind": "app"}, expect=422)
    assert missing["errors"][0]["field"] == "tenant_id"
    assert "Partner Center simulator" in (await service.http.get("/_control/")).text


async def test_the_same_seed_gives_the_same_world_and_delays(service):
    async def play():
        await service.control("POST", "/reset", {"world": "demo"})
        await service.control("PATCH", "/profile", {"latency": "realistic", "seed": 7})
        customer = await service.customer(prefix="again")
        await service.advance(by="PT2M")
        await service.buy_later(customer, BASIC)
        return await service.control("GET", "/customers"), await service.advance(until="idle")

    service.buy_later = lambda customer, key: _cart(service, customer, key)
    service.tokens.clear()
    first = await play()
    service.tokens.clear()
    assert await play() == first


async def _cart(service, customer, key):
    line = {
        "catalogItemId": await service.item(key),
        "quantity": 2,
        "termDuration": "P1Y",
        "billingCycle": "monthly",
    }
    cart = await service.call("POST", f"/v1/customers/{customer}/carts", {"lineItems": [line]})
    return await service.call("POST", f"/v1/customers/{customer}/carts/{cart.json()['id']}/checkout")


async def test_in_the_realistic_profile_things_take_their_time(service, new_customer):
    await service.control("PATCH", "/profile", {"latency": "realistic", "write_answer": "202"})
    made = await service.call("POST", "/v1/customers", new_customer("Slow", "slow1"))
    customer = made.json()["id"]
    fresh = await service.call("GET", f"/v1/customers/{customer}/subscriptions")
    assert (fresh.status_code, fresh.json()["code"]) == (404, 20002)
    assert (await service.call("GET", f"/v1/customers/{customer}/users")).json()["code"] == 60003
    await service.advance(by="PT1M")
    await service.act("sign_agreement", who="customer_admin", customer_id=customer)
    order = (await _cart(service, customer, BASIC)).json()["orders"][0]
    assert order["status"] == "pending"
    assert "subscriptionId" not in order["lineItems"][0]
    await service.advance(by="PT3M")
    order = await service.get(f"/v1/customers/{customer}/orders/{order['id']}")
    assert order["status"] == "completed"
    path = f"/v1/customers/{customer}/subscriptions/{order['lineItems'][0]['subscriptionId']}"
    now = await service.get(path)
    accepted = await service.call("PATCH", path, {**now, "quantity": 5})
    assert (accepted.status_code, accepted.headers["Location"]) == (202, path.removeprefix("/v1"))
    assert (await service.get(path))["quantity"] == 2
    busy = await service.call("PATCH", path, {**now, "quantity": 6})
    assert (busy.status_code, busy.json()["code"]) == (409, 900278)
    assert (await service.get(f"{path}/provisioningstatus"))["status"] == "pending"
    await service.advance(until="idle")
    assert (await service.get(path))["quantity"] == 5
    assert (await service.get(f"{path}/provisioningstatus"))["status"] == "success"
    records = (await service.get("/v1/auditrecords"))["items"]
    assert {"add_customer", "create_order", "update_subscription"} <= {
        one["operationType"] for one in records
    }


async def test_clients_of_2020_are_spared_what_they_cannot_parse(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 5, term="P1M")
    await service.change(one, autoRenewEnabled=False)
    await service.control("PATCH", "/profile", {"closed_enums": True})
    await service.advance(by="P2M")
    listed = (await service.get(f"/v1/customers/{customer}/subscriptions"))["items"]
    assert {item["status"] for item in listed} <= {"none", "active", "suspended", "deleted"}
    sku = (await service.get("/v1/products/CFQ7TTC0LH18/skus/0001?country=US"))["dynamicAttributes"]
    assert not [value for value in sku.values() if isinstance(value, list | dict)]
    address = {
        "AddressLine1": "1 Main Street",
        "City": "Seattle",
        "State": "WA",
        "PostalCode": "98101",
        "Country": "US",
    }
    judged = await service.call("POST", "/v1/validations/address", address)
    assert judged.json() is True


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "VerifiedShippable"),
        ({"State": "XX"}, "None"),
        ({"AddressLine1": "Main Street"}, "StreetPartial"),
        ({"Country": "ZZ"}, "NotValidated"),
    ],
)
async def test_addresses_are_judged(service, change, status):
    address = {
        "AddressLine1": "1 Main Street",
        "City": "Seattle",
        "State": "WA",
        "PostalCode": "98101",
        "Country": "US",
    }
    judged = await service.call("POST", "/v1/validations/address", {**address, **change})
    assert judged.json()["status"] == status
    assert len(judged.json()["suggestedAddresses"]) == {"VerifiedShippable": 1, "StreetPartial": 3}.get(
        status, 0
    )


@pytest.mark.parametrize(
    ("change", "number", "code"),
    [
        ({"country": "PL", "state": "", "postalCode": "00-001"}, "", 600049),
        ({"country": "PL", "state": "", "postalCode": "00-001"}, "x", 600050),
        ({"country": "PL", "state": "", "postalCode": "00-001"}, "1234567890", 600051),
        ({}, "1234567890", 600002),
        ({"country": "ZZ"}, "", 800070),
        ({"postalCode": "ABC"}, "", 3000),
        ({"addressLine1": ""}, "", 3000),
    ],
)
async def test_the_create_form_is_checked_field_by_field(service, new_customer, change, number, code):
    body = new_customer("Checked", "checked")
    body["billingProfile"]["defaultAddress"] |= change
    if number:
        body["companyProfile"]["organizationRegistrationNumber"] = number
    refused = await service.call("POST", "/v1/customers", body)
    assert (refused.status_code, refused.json()["code"]) == (400, code)


async def test_a_taken_domain_is_a_conflict_and_the_billing_profile_needs_its_etag(service, new_customer):
    customer = await service.customer(prefix="takendom")
    refused = await service.call("POST", "/v1/customers", new_customer("Other", "takendom"))
    assert refused.status_code == 409
    path = f"/v1/customers/{customer}/profiles/billing"
    profile = await service.get(path)
    etag = profile["attributes"].pop("etag")
    assert (await service.call("PUT", path, profile)).json()["code"] == 2055
    saved = await service.call(
        "PUT", path, {**profile, "companyName": "Renamed"}, headers={"If-Match": f'"{etag}"'}
    )
    assert (saved.status_code, saved.json()["companyName"]) == (200, "Renamed")
    stale = await service.call("PUT", path, profile, headers={"If-Match": f'"{etag}"'})
    assert (stale.status_code, stale.json()["code"]) == (400, 2055)
    again = await service.call("POST", f"/v1/customers/{customer}/agreements", AGREEMENT_AGAIN)
    assert (again.status_code, again.json()["code"]) == (400, 600061)


AGREEMENT_AGAIN = {
    "primaryContact": {"firstName": "Pat", "lastName": "Lee", "email": "pat@example.com"},
    "dateAgreed": "2026-01-01T00:00:00Z",
    "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9",
    "type": "MicrosoftCustomerAgreement",
}


async def test_relationships_begin_and_end_and_what_still_runs_holds_them(service):
    made = await service.act("accept_relationship", company_name="Joined Ltd", domain="joined")
    customer = made["customer_id"]
    assert customer in {one["id"] for one in (await service.get("/v1/customers"))["items"]}
    await service.act("sign_agreement", who="customer_admin", customer_id=customer)
    one = await service.buy(customer, BASIC, 1)
    path = f"/v1/customers/{customer}"
    body = {"relationshipToPartner": "none", "attributes": {"objectType": "Customer"}}
    assert (await service.call("PATCH", path, body)).status_code == 400
    await service.change(one, status="suspended")
    ended = await service.call("PATCH", path, body)
    assert (ended.status_code, ended.json()["RelationshipToPartner"]) == (200, "none")
    assert (await service.call("GET", path)).json()["code"] == 20002


async def test_a_world_that_cannot_be_built_leaves_the_old_one_as_it_was(service, tmp_path):
    customer = await service.customer()
    await service.advance(by="P3D")
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"kind": "partner", "key": "p", "name": "P"}\n{"kind": "customer", "partner": "p"}\n')
    for world, said in (("atlantis", "neither demo nor empty"), (str(bad), "bad.jsonl:2")):
        refused = await service.control("POST", "/reset", {"world": world}, expect=400)
        assert said in refused["detail"]
    assert [one["id"] for one in (await service.get("/v1/customers"))["items"]] == [customer]
    assert (await service.control("GET", "/clock"))["now"] == "2026-01-04T00:00:00Z"


async def test_acts_check_their_arguments(service):
    customer = await service.customer(prefix="checked")
    partner = service.partner["tenant_id"]
    users = (await service.get(f"/v1/customers/{customer}/users"))["items"]
    for arguments, said in (
        ({"action": "fly"}, "action must be one of"),
        ({"action": "buy", "customer_id": customer, "catalog_item_id": "x", "quantity": 1}, "does not exist"),
        (
            {"action": "buy", "customer_id": customer, "catalog_item_id": BASIC, "quantity": "many"},
            "quantity",
        ),
        ({"action": "suspend"}, "subscription_id"),
        (
            {
                "action": "create_user",
                "customer_id": customer,
                "user_principal_name": "x",
                "display_name": "X",
            },
            "sign-in name",
        ),
        (
            {
                "action": "update_user",
                "customer_id": customer,
                "user_id": users[0]["id"],
                "changes": {"displayName": 5},
            },
            "changes.display_name",
        ),
        (
            {
                "action": "update_user",
                "customer_id": customer,
                "user_id": users[0]["id"],
                "changes": {"colour": "red"},
            },
            "colour",
        ),
        ({"action": "buy", "as": "customer_admin", "customer_id": customer}, "portal_user"),
    ):
        answer = await service.http.post(
            "/_control/act", json={"as": "portal_user", "tenant_id": partner, **arguments}
        )
        assert answer.status_code in {400, 404}, answer.text
        assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    "move",
    [
        {"by": "P99999Y"},
        {"by": "PT99999999999S"},
        {"by": "P900Y"},
        {"to": "9999-12-31T00:00:00Z"},
        {},
        {"by": "P1D", "until": "idle"},
    ],
)
async def test_the_clock_refuses_what_it_cannot_do(service, move):
    await service.control("POST", "/clock/advance", move, expect=400)
    assert (await service.control("GET", "/clock"))["now"] == "2026-01-01T00:00:00Z"


async def test_pc_14_3_a_realistic_service_answers_new_commerce_changes_with_202_at_times(service):
    assert (await service.control("PATCH", "/profile", {"latency": "realistic"}))["write_answer"] == "mixed"
    assert (await service.control("PATCH", "/profile", {"latency": "fast"}))["write_answer"] == "200"
    named = {"latency": "realistic", "write_answer": "202"}
    assert (await service.control("PATCH", "/profile", named))["write_answer"] == "202"


async def test_pc_7_8_the_directory_learns_of_a_purchase_later_than_the_order(service):
    customer = await service.customer()
    await service.control("PATCH", "/profile", {"latency": "realistic", "seed": 3})
    order = (await _cart(service, customer, BASIC)).json()["orders"][0]["id"]
    made = None
    while made is None:
        await service.advance(by="PT5S")
        line = (await service.get(f"/v1/customers/{customer}/orders/{order}"))["lineItems"][0]
        made = line.get("subscriptionId")
    status = f"/v1/customers/{customer}/subscriptions/{made}/provisioningstatus"
    assert (await service.get(status))["status"] == "pending"
    assert (await service.get(f"/v1/customers/{customer}/subscribedskus"))["items"] == []
    await service.advance(by="PT15M")
    assert (await service.get(status))["status"] == "success"
    assert (await service.get(f"/v1/customers/{customer}/subscribedskus"))["items"][0]["totalUnits"] == 2


async def test_requests_are_found_since_a_number_or_a_time_and_wrong_addresses_are_problem_documents(service):
    await service.get("/v1/customers")
    [first] = await service.control("GET", "/requests")
    await service.advance(by="PT1H")
    await service.get("/v1/customers")
    for since in (first["n"], "2026-01-01T00:30:00Z"):
        assert len(await service.control("GET", f"/requests?since={since}")) == 1
    wrong = await service.http.get("/_control/nothing")
    assert (wrong.status_code, wrong.headers["Content-Type"]) == (404, "application/problem+json")


async def test_a_customers_admin_ends_the_relationship_at_will_and_is_not_in_the_partners_log(service):
    customer = await service.customer()
    one = await service.buy(customer, BASIC, 2)
    refused = await service.http.post(
        "/_control/act",
        json={
            "as": "portal_user",
            "tenant_id": service.partner["tenant_id"],
            "customer_id": customer,
            "action": "remove_relationship",
        },
    )
    assert refused.status_code == 400  # the partner must suspend or cancel first (PC 3.7)
    await service.act("remove_relationship", who="customer_admin", customer_id=customer)
    assert (await service.call("GET", f"/v1/customers/{customer}")).status_code == 403
    kinds = {entry["operationType"] for entry in (await service.get("/v1/auditrecords"))["items"]}
    assert "remove_partner_customer_relationship" not in kinds
    domain = {"company_name": "Test Company", "domain": "unused"}
    known = next(
        entry for entry in await service.control("GET", "/customers") if entry["customer_id"] == customer
    )
    domain["domain"] = known["domain"]
    await service.act("accept_relationship", who="customer_admin", **domain)
    back = (await service.get(f"/v1/customers/{customer}/subscriptions"))["items"]
    assert [entry["id"] for entry in back] == [one["id"]]


async def test_pc_1_2_each_group_of_calls_needs_a_role_of_its_own_in_the_customers_directory(service):
    customer = await service.customer()
    root = f"/v1/customers/{customer}"
    for role, allowed in (
        ("License Administrator", {}),
        ("Global Reader", {"users", "subscribedskus", "directoryroles", "customDomains"}),
        ("User Administrator", {"users"}),
        ("Directory Writers", {"customDomains"}),
    ):
        await service.act("change_gdap_roles", customer_id=customer, roles=[role])
        for path in ("users", "subscribedskus", "directoryroles", "customDomains"):
            answer = await service.call("GET", f"{root}/{path}")
            assert (answer.status_code == 200) is (path in allowed), (role, path)
