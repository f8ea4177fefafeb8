"""What goes over the wire: idempotency, faults, headers, casing, paging, refusals (PC 2, 14)."""

import json
from uuid import uuid4

import httpx
import pytest

BASIC = "CFQ7TTC0LH18:0001"


async def test_a_repeated_request_id_is_one_operation_and_the_password_is_told_once(service, new_customer):
    headers = {"MS-RequestId": str(uuid4())}
    first = await service.call("POST", "/v1/customers", new_customer("Once", "once"), headers=headers)
    again = await service.call("POST", "/v1/customers", new_customer("Once", "once"), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["userCredentials"]["password"]
    assert again.json()["userCredentials"] == {"userName": "admin"}
    other = await service.call("POST", "/v1/customers", new_customer("Twice", "twice"), headers=headers)
    assert other.status_code == 409
    assert [
        one["replayed"] for one in await service.control("GET", "/requests?operation=customers.create")
    ] == [
        False,
        True,
        False,
    ]


async def test_a_refusal_is_replayed_too_but_a_server_error_is_not(service):
    customer = await service.customer()
    bought = await service.buy(customer, BASIC, 5)
    path = f"/v1/customers/{customer}/subscriptions/{bought['id']}"
    headers = {"MS-RequestId": str(uuid4())}
    body = {**bought, "quantity": 301}
    answers = [await service.call("PATCH", path, body, headers=headers) for _ in range(5)]
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(400, 900275)}
    assert (await service.get(path))["quantity"] == 5


async def test_timeout_after_success_is_done_once_and_its_replay_gets_the_operations_own_answer(service):
    customer = await service.customer()
    bought = await service.buy(customer, BASIC, 5)
    await service.control(
        "POST",
        "/faults",
        {"operation": "customers.subscriptions.update", "kind": "timeout_after", "delay_seconds": 0.01},
        expect=201,
    )
    path = f"/v1/customers/{customer}/subscriptions/{bought['id']}"
    headers = {"MS-RequestId": str(uuid4())}
    with pytest.raises(httpx.ReadError):
        await service.call("PATCH", path, {**bought, "quantity": 8}, headers=headers)
    replay = await service.call("PATCH", path, {**bought, "quantity": 8}, headers=headers)
    assert (replay.status_code, replay.json()["quantity"]) == (200, 8)
    seen = await service.control("GET", "/requests?operation=customers.subscriptions.update")
    assert [(one.get("fault"), one["replayed"]) for one in seen] == [("timeout_after", False), (None, True)]


@pytest.mark.parametrize(
    ("kind", "status", "more"),
    [
        ("throttled", 429, {"retry_after": 2.5}),
        ("error_before", 500, {}),
        ("error_after", 500, {}),
        ("unavailable", 503, {}),
        ("gateway_timeout", 504, {}),
        ("html", 502, {}),
        ("empty_401", 401, {}),
        ("forbidden", 403, {"code": 900309}),
        ("conflict", 409, {}),
        ("stale_etag", 400, {}),
    ],
)
async def test_faults_strike_once_and_then_the_operation_is_itself(service, new_customer, kind, status, more):
    await service.control(
        "POST", "/faults", {"operation": "customers.create", "kind": kind, **more}, expect=201
    )
    headers = {"MS-RequestId": str(uuid4())}
    struck = await service.call("POST", "/v1/customers", new_customer("Struck", "struck"), headers=headers)
    assert struck.status_code == status
    if kind == "throttled":
        assert struck.headers["Retry-After"] == "2.5"
        assert "Rate limit is exceeded" in struck.json()["message"]
    retried = await service.call("POST", "/v1/customers", new_customer("Struck", "struck"), headers=headers)
    assert retried.status_code == 201
    listed = (await service.get("/v1/customers"))["items"]
    assert len(listed) == 1


async def test_truncated_answers_are_no_json(service):
    await service.control("POST", "/faults", {"operation": "customers.list", "kind": "truncated"}, expect=201)
    answer = await service.call("GET", "/v1/customers")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_customers_page_by_seek_with_the_token_of_the_next_links_headers(service, new_customer):
    for number in range(5):
        await service.call("POST", "/v1/customers", new_customer(f"Page {number}", f"page{number}"))
    page = await service.get("/v1/customers?size=2")
    seen = [one["companyProfile"]["companyName"] for one in page["items"]]
    while following := page["links"].get("next"):
        assert following["uri"].startswith("/customers?")
        assert following["uri"].endswith("seekOperation=Next")
        token = {one["key"]: one["value"] for one in following["headers"]}
        page = await service.get(
            "/v1/customers?seekOperation=Next", headers=token
        )  # without size, as the SDK does
        seen += [one["companyProfile"]["companyName"] for one in page["items"]]
    assert seen == [f"Page {number}" for number in range(5)]


async def test_filters_take_any_casing_and_only_starts_with(service, new_customer):
    await service.call("POST", "/v1/customers", new_customer("Contoso Bikes", "ctbikes"))
    await service.call("POST", "/v1/customers", new_customer("Fabrikam", "fabri1"))
    wish = {"value": "cont", "field": "CompanyName", "fieldType": "String", "operator": "StartsWith"}
    found = await service.get("/v1/customers", params={"size": 0, "filter": json.dumps(wish)})
    assert [one["companyProfile"]["companyName"] for one in found["items"]] == ["Contoso Bikes"]
    wish["operator"] = "equals"
    refused = await service.call("GET", "/v1/customers", params={"filter": json.dumps(wish)})
    assert refused.status_code == 400


async def test_duplicate_slashes_and_letter_case_of_paths_do_not_matter(service):
    customer = await service.customer()
    for path in (f"/v1//customers/{customer}", f"http://simulator.test//v1/Customers/{customer.upper()}/"):
        assert (await service.call("GET", path)).status_code == 200


async def test_what_is_not_built_says_so_with_a_404(service):
    answer = await service.call("GET", "/v1/ratecards/azure")
    assert (answer.status_code, answer.headers["X-Simulator"]) == (404, "not-implemented")


async def test_headers_are_echoed_and_the_date_is_that_of_the_virtual_clock(service):
    correlation = str(uuid4())
    answer = await service.call(
        "GET", "/v1/customers", headers={"MS-CorrelationId": correlation, "X-Locale": "en-US"}
    )
    assert answer.headers["MS-CorrelationId"] == correlation
    assert answer.headers["MS-RequestId"] == answer.request.headers["MS-RequestId"]
    for name in ("MS-CV", "MS-ServerId", "Request-Context", "X-Locale"):
        assert answer.headers[name]
    assert answer.headers["Date"] == "Thu, 01 Jan 2026 00:00:00 GMT"


async def test_pascal_casing_and_byte_order_mark_are_switches(service):
    await service.control("PATCH", "/profile", {"casing": "pascal", "byte_order_mark": True})
    answer = await service.call("GET", "/v1/customers")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "TotalCount" in json.loads(answer.content.decode("utf-8-sig"))
    unknown = await service.control("PATCH", "/profile", {"casing": "kebab"}, expect=400)
    assert "casing" in unknown["detail"]


async def test_tokens_are_checked_for_kind_audience_expiry_mfa_and_roles(service):
    async def answer(path, **wishes):
        token = await service.token(**wishes)
        got = await service.http.get(path, headers={"Authorization": f"Bearer {token}"})
        return got.status_code, got.json().get("code") if got.content else None

    customer = await service.customer()
    users = f"/v1/customers/{customer}/users"
    assert (await service.http.get("/v1/customers")).status_code == 401
    assert await answer(users, kind="app") == (403, 900329)
    assert await answer(users, roles=["SalesAgents"]) == (403, 900150)
    assert await answer("/v1/customers", audience="retired") == (401, 900420)
    assert await answer("/v1/customers", audience="graph") == (401, 400)
    assert (await answer("/v1/customers", mfa=False))[0] == 200
    await service.control("PATCH", "/profile", {"mfa_required": True})
    assert await answer("/v1/customers", mfa=False) == (401, 400)
    short = await service.token(lifetime_seconds=60)
    await service.advance(by="PT2M")
    expired = await service.http.get("/v1/customers", headers={"Authorization": f"Bearer {short}"})
    assert (expired.status_code, expired.json()["code"]) == (401, 400)
    await service.act("change_gdap_roles", customer_id=customer, roles=[])
    assert await answer(users) == (403, 900308)


async def test_another_partners_customer_is_403_20002_and_nobodys_404(service):
    customer = await service.customer()
    other = await service.control("POST", "/partners", {"name": "Other", "country": "US"}, expect=201)
    body = {"tenant_id": other["tenant_id"], "kind": "app"}
    token = (await service.control("POST", "/tokens", body))["access_token"]
    answer = await service.http.get(f"/v1/customers/{customer}", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, 20002)
    assert (await service.call("GET", f"/v1/customers/{uuid4()}")).status_code == 404


async def test_requests_a_minute_can_be_limited(service):
    await service.control("PATCH", "/profile", {"requests_per_minute": 2})
    answers = [await service.call("GET", "/v1/customers") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) > 0


async def test_refresh_tokens_give_access_tokens_and_new_refresh_tokens(service):
    partner = service.partner
    form = {
        "grant_type": "refresh_token",
        "client_id": partner["client_id"],
        "client_secret": partner["client_secret"],
        "refresh_token": partner["refresh_token"],
        "scope": "https://api.partnercenter.microsoft.com/.default",
    }
    url = f"/{partner['tenant_id']}/oauth2/v2.0/token"
    answer = (await service.http.post(url, data=form)).json()
    assert answer["expires_in"] == 3599
    assert answer["refresh_token"] != partner["refresh_token"]
    used = await service.http.get(
        "/v1/customers", headers={"Authorization": f"Bearer {answer['access_token']}"}
    )
    assert used.status_code == 200
    wrong = (await service.http.post(url, data={**form, "client_secret": "no"})).json()
    assert (wrong["error"], wrong["error_codes"]) == ("invalid_client", [7000215])
    await service.advance(by="P91D")
    assert "access_token" in (await service.http.post(url, data=form)).json()
    await service.control("PATCH", "/profile", {"refresh_token_unused_days": 90})
    await service.advance(by="P91D")
    dead = (await service.http.post(url, data=form)).json()
    assert (dead["error"], dead["error_codes"]) == ("invalid_grant", [700082])
    old = {"grant_type": "client_credentials", "resource": "https://api.partnercenter.microsoft.com"}
    v1 = await service.http.post(
        f"/{partner['tenant_id']}/oauth2/token",
        data={**old, "client_id": partner["client_id"], "client_secret": partner["client_secret"]},
    )
    assert v1.json()["expires_in"] == "3599"


async def test_an_order_that_fails_half_way_leaves_nothing_behind(service):
    customer = await service.customer()
    bought = await service.buy(customer, BASIC, 5)
    before = await service.control("GET", "/customers")
    records = (await service.get("/v1/auditrecords"))["totalCount"]
    refused = await service.change(bought, quantity=8, termDuration="P1M", friendlyName="never")
    assert refused.status_code == 400
    assert await service.control("GET", "/customers") == before
    assert (await service.get("/v1/auditrecords"))["totalCount"] == records
