"""Faults in the words of the surface they strike (PC 2.8, 11.1, 13.4, 14.8)."""

SHEET = "/v1.0/sales/pricesheets(Market='US',PricesheetView='updatedlicensebased')/$value"


async def arm(service, operation, kind, **more):
    await service.control("POST", "/faults", {"operation": operation, "kind": kind, **more}, expect=201)


async def test_pc_13_4_graph_and_the_pricing_host_fail_in_their_own_form(demo):
    customer = (await demo.get("/v1/customers"))["items"][0]["id"]
    token = await demo.token(audience="graph", customer_id=customer)
    bearer = {"Authorization": f"Bearer {token}"}
    for kind, status, name in (
        ("unavailable", 503, "ServiceUnavailable"),
        ("gateway_timeout", 504, "GatewayTimeout"),
        ("throttled", 429, "TooManyRequests"),
    ):
        await arm(demo, "graph.users.list", kind)
        answer = await demo.http.get("/graph/v1.0/users", headers=bearer)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, name)
        await arm(demo, "pricesheets.get", kind)
        answer = await demo.call("GET", SHEET)
        assert (answer.status_code, set(answer.json())) == (status, {"error"})
    await arm(demo, "pricesheets.get", "forbidden")
    assert (await demo.call("GET", SHEET)).json()["error"]["code"] == "Forbidden"


async def test_pc_1_3_a_struck_token_endpoint_answers_as_token_endpoints_do(service):
    form = {"grant_type": "client_credentials", "client_id": service.partner["client_id"]}
    for kind, status in (("unavailable", 503), ("throttled", 429), ("error_before", 500)):
        await arm(service, "auth.token", kind)
        answer = await service.http.post(f"/{service.partner['tenant_id']}/oauth2/token", data=form)
        assert (answer.status_code, answer.json()["error"]) == (status, "temporarily_unavailable")
        assert answer.json()["error_codes"] == [90033]


async def test_pc_14_8_a_page_token_expires_on_a_further_page_and_does_not_look_like_the_end(demo):
    await arm(demo, "customers.list", "page_token_expired", code=400)
    page = await demo.get("/v1/customers?size=1")  # the first page has no token that could expire
    token = page["links"]["next"]["headers"][0]
    go_on = {"headers": {token["key"]: token["value"]}}
    expired = await demo.call("GET", "/v1/customers?seekOperation=Next", **go_on)
    assert (expired.status_code, expired.json()["code"]) == (400, 800002)
    assert (await demo.call("GET", "/v1/customers?seekOperation=Next", **go_on)).status_code == 200


async def test_pc_13_5_a_delta_token_that_expired_names_the_place_to_begin_anew(demo):
    customer = (await demo.get("/v1/customers"))["items"][0]["id"]
    token = await demo.token(audience="graph", customer_id=customer)
    bearer = {"Authorization": f"Bearer {token}"}
    latest = (await demo.http.get("/graph/v1.0/users/delta?$deltatoken=latest", headers=bearer)).json()
    assert latest["value"] == []
    await arm(demo, "graph.users.delta", "page_token_expired")
    late = await demo.http.get(latest["@odata.deltaLink"], headers=bearer)
    assert (late.status_code, late.headers["Location"].endswith("/graph/v1.0/users/delta")) == (410, True)
    assert (await demo.http.get(latest["@odata.deltaLink"], headers=bearer)).json()["value"] == []


async def test_pc_14_8_an_unknown_enum_value_can_be_served_by_any_operation(demo):
    customer = (await demo.get("/v1/customers"))["items"][0]["id"]
    for operation, path, member in (
        ("customers.get", f"/v1/customers/{customer}", "relationshipToPartner"),
        ("auditrecords.list", "/v1/auditrecords?startDate=2025-12-01", "operationType"),
        ("customers.orders.list", f"/v1/customers/{customer}/orders", "status"),
        ("customers.users.list", f"/v1/customers/{customer}/users", "state"),
    ):
        await arm(demo, operation, "unknown_enum")
        struck, usual = await demo.get(path), await demo.get(path)
        first, second = ((one["items"][0] if "items" in one else one)[member] for one in (struck, usual))
        assert (first, second != first) == ("on_hold", True)


async def test_pc_1_2_a_refusal_tells_whether_the_token_had_the_mfa_claim(service):
    await service.control("PATCH", "/profile", {"mfa_required": True})
    token = await service.token(mfa=False)
    headers = {"Authorization": f"Bearer {token}", "ValidateMfa": "true"}
    answer = await service.http.get("/v1/customers", headers=headers)
    assert (answer.status_code, answer.headers["isMfaCompliant"]) == (401, "false")
