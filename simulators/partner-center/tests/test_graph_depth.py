"""What Graph clients do besides users: deleted items, counts, qualified names, relationships, lifecycle (PC 13, 3.6)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

RELATIONSHIPS = "/graph/v1.0/tenantRelationships/delegatedAdminRelationships"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
LICENSE_ADMINISTRATOR = "4d6ac14f-3453-41d0-bef9-a3e0c569773a"
SUBSCRIPTIONS = "/graph/v1.0/subscriptions"


class _Callback(BaseHTTPRequestHandler):
    """Repeats validation tokens; keeps lifecycle events; refuses change notifications, for they come to `/refused`."""

    received: list

    def do_POST(self):
        parts = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        token = parse_qs(parts.query).get("validationToken", [""])[0]
        if content:
            self.received.append((parts.path, json.loads(content)["value"][0]))
        self.send_response(500 if content and parts.path == "/refused" else 200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(token.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def callback():
    _Callback.received = []
    server = HTTPServer(("127.0.0.1", 0), _Callback)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", _Callback.received
    server.shutdown()
    server.server_close()


async def graph(service, method, path, body=None, customer=None, **headers):
    token = await service.token(
        audience="graph", lifetime_seconds=400_000_000, **({"customer_id": customer} if customer else {})
    )
    sent = {"Authorization": f"Bearer {token}", **headers}
    return await service.http.request(method, path, json=body, headers=sent)


async def test_a_deleted_user_is_read_restored_or_purged_by_its_id(service):
    customer = await service.customer(prefix="bin")
    made = await graph(
        service, "POST", "/graph/v1.0/users",
        {"accountEnabled": True, "displayName": "Kim", "mailNickname": "kim", "userPrincipalName":
         "kim@bin.onmicrosoft.com", "passwordProfile": {"password": "Zx9!qwertyUU"}}, customer,
    )  # fmt: skip
    user, bin_ = made.json()["id"], f"/graph/v1.0/directory/deletedItems/{made.json()['id']}"
    assert (await graph(service, "GET", bin_, customer=customer)).status_code == 404
    await graph(service, "DELETE", f"/graph/v1.0/users/{user}", customer=customer)
    deleted = (await graph(service, "GET", bin_, customer=customer)).json()
    assert (deleted["@odata.type"], deleted["deletedDateTime"]) == (
        "#microsoft.graph.user",
        "2026-01-01T00:00:00Z",
    )
    restored = await graph(service, "POST", f"{bin_}/microsoft.graph.restore", customer=customer)
    assert restored.json()["@odata.type"] == "#microsoft.graph.user"
    await graph(service, "DELETE", f"/graph/v1.0/users/{user}", customer=customer)
    assert (await graph(service, "DELETE", bin_, customer=customer)).status_code == 204
    assert (await graph(service, "POST", f"{bin_}/restore", customer=customer)).status_code == 404


async def test_users_are_counted_by_those_who_accept_an_eventual_answer(service):
    customer = await service.customer()
    path = "/graph/v1.0/users/$count"
    assert (await graph(service, "GET", path, customer=customer)).status_code == 400
    counted = await graph(service, "GET", path, customer=customer, ConsistencyLevel="eventual")
    assert (counted.text, counted.headers["content-type"]) == ("1", "text/plain")


@pytest.mark.parametrize("name", ["delta", "delta()", "microsoft.graph.delta()", "graph.delta"])
async def test_a_function_may_be_named_as_odata_allows(service, name):
    customer = await service.customer()
    answer = await graph(service, "GET", f"/graph/v1.0/users/{name}", customer=customer)
    assert "@odata.deltaLink" in answer.json()


async def test_what_is_not_built_is_told_in_the_words_of_its_surface(service):
    customer = await service.customer()
    answer = await graph(service, "GET", "/graph/v1.0/groups", customer=customer)
    assert (answer.status_code, answer.headers["x-simulator"]) == (404, "not-implemented")
    assert answer.json()["error"]["code"] == "BadRequest"
    prices = await service.call("GET", "/v1.0/sales/unknown")
    assert (prices.status_code, "error" in prices.json()) == (404, True)
    other = await service.call("GET", "/v1/unknown")
    assert (other.status_code, other.json()["code"]) == (404, 404)


async def _active(service, customer, *roles):
    wish = {
        "displayName": "Help",
        "duration": "P1Y",
        "customer": {"tenantId": customer},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in roles]},
    }
    made = (await graph(service, "POST", RELATIONSHIPS, wish)).json()
    path = f"{RELATIONSHIPS}/{made['id']}"
    await graph(service, "POST", f"{path}/requests", {"action": "lockForApproval"})
    await service.act("approve_gdap", who="customer_admin", customer_id=customer, relationship_id=made["id"])
    return made, path


async def test_a_relationship_tells_its_requests_its_customer_and_lets_its_assignments_change(service):
    customer = await service.customer()
    made, path = await _active(service, customer, USER_ADMINISTRATOR, LICENSE_ADMINISTRATOR)
    assert made["duration"] == "P365D"
    asked = (await graph(service, "GET", f"{path}/requests")).json()["value"]
    assert [one["action"] for one in asked] == ["lockForApproval"]
    known = await graph(service, "GET", "/graph/v1.0/tenantRelationships/delegatedAdminCustomers")
    assert [one["tenantId"] for one in known.json()["value"]] == [customer]
    group = {"accessContainerId": customer, "accessContainerType": "securityGroup"}
    roles = {"unifiedRoles": [{"roleDefinitionId": USER_ADMINISTRATOR}]}
    body = {"accessContainer": group, "accessDetails": roles}
    given = (await graph(service, "POST", f"{path}/accessAssignments", body)).json()
    one = f"{path}/accessAssignments/{given['id']}"
    roles = {"unifiedRoles": [{"roleDefinitionId": LICENSE_ADMINISTRATOR}]}
    assert (await graph(service, "PATCH", one, {"accessDetails": roles})).status_code == 202
    assert (await graph(service, "GET", one)).json()["accessDetails"] == roles
    assert (await graph(service, "DELETE", path)).status_code == 400  # only one that nobody was asked for


async def test_ending_a_relationship_takes_only_what_it_gave(service):
    customer = await service.customer()
    users = f"/v1/customers/{customer}/users"
    _, path = await _active(service, customer, USER_ADMINISTRATOR)
    assert (await service.call("GET", users)).status_code == 200
    await graph(service, "POST", f"{path}/requests", {"action": "terminate"})
    assert (await service.call("GET", users)).status_code == 200


async def _subscribed(service, customer, url):
    wish = {
        "changeType": "updated,deleted",
        "resource": "users",
        "notificationUrl": f"{url}/refused",
        "lifecycleNotificationUrl": f"{url}/lifecycle",
        "expirationDateTime": "2026-01-11T00:00:00Z",
        "clientState": "secret",
    }
    made = await graph(service, "POST", SUBSCRIPTIONS, wish, customer)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def test_a_subscription_reminds_a_day_before_it_expires_and_is_renewed_or_reauthorised(
    service, callback
):
    url, received = callback
    customer = await service.customer()
    one = await _subscribed(service, customer, url)
    await service.advance(to="2026-01-09T23:00:00Z")
    assert received == []
    await service.advance(to="2026-01-10T00:00:00Z")
    assert [(path, each["lifecycleEvent"], each["subscriptionId"]) for path, each in received] == [
        ("/lifecycle", "reauthorizationRequired", one)
    ]
    again = await graph(service, "POST", f"{SUBSCRIPTIONS}/{one}/reauthorize", customer=customer)
    assert again.status_code == 204
    renewed = {"expirationDateTime": "2026-01-30T00:00:00Z"}
    assert (await graph(service, "PATCH", f"{SUBSCRIPTIONS}/{one}", renewed, customer)).status_code == 200
    await service.advance(to="2026-01-29T00:00:00Z")
    assert len(received) == 2


async def test_dropped_notifications_are_told_as_missed_and_an_ended_relation_as_removed(service, callback):
    url, received = callback
    customer = await service.customer()
    one = await _subscribed(service, customer, url)
    user = (await service.get(f"/v1/customers/{customer}/users"))["items"][0]["id"]
    await service.call("PATCH", f"/v1/customers/{customer}/users/{user}", {"usageLocation": "US"})
    await service.advance(until="idle")
    told = [(path, each.get("lifecycleEvent")) for path, each in received]
    assert told == [("/refused", None)] * 10 + [("/lifecycle", "missed")]
    await service.act("remove_relationship", customer_id=customer)
    await service.advance(until="idle")
    assert (received[-1][1]["lifecycleEvent"], received[-1][1]["subscriptionId"]) == (
        "subscriptionRemoved",
        one,
    )
