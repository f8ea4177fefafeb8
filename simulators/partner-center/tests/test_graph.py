"""Graph users, delta, licenses, notifications and the billing export (PC 10.9, 13)."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

BASIC = "CFQ7TTC0LH18:0001"


class Graph:
    """Calls Graph in a customer's directory."""

    def __init__(self, service, token):
        self.service, self.token = service, token

    async def __call__(self, method, path, json=None, **headers):
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return await self.service.http.request(
            method, path.removeprefix("http://simulator.test"), json=json, headers=sent
        )


async def graph_of(service, customer=None):
    wishes = {"audience": "graph", "lifetime_seconds": 400_000_000}
    return Graph(service, await service.token(**wishes, **({"customer_id": customer} if customer else {})))


def new_user(name, domain):
    return {
        "accountEnabled": True,
        "displayName": name.title(),
        "mailNickname": name,
        "userPrincipalName": f"{name}@{domain}",
        "passwordProfile": {"password": "Tr1cky-horse-9", "forceChangePasswordNextSignIn": True},
    }


async def test_a_user_is_made_changed_licensed_deleted_and_restored(service):
    customer = await service.customer(prefix="graphs")
    await service.buy(customer, BASIC, 1)
    graph = await graph_of(service, customer)
    made = await graph("POST", "/graph/v1.0/users", new_user("kim", "graphs.onmicrosoft.com"))
    assert made.status_code == 201
    assert "usageLocation" not in made.json()
    user = made.json()["id"]
    again = await graph("POST", "/graph/v1.0/users", new_user("kim", "graphs.onmicrosoft.com"))
    assert (again.status_code, again.json()["error"]["code"]) == (400, "Request_BadRequest")

    [sku] = (await graph("GET", "/graph/v1.0/subscribedSkus")).json()["value"]
    assert sku["prepaidUnits"] == {"enabled": 1, "suspended": 0, "warning": 0}
    wish = {"addLicenses": [{"skuId": sku["skuId"], "disabledPlans": []}], "removeLicenses": []}
    refused = await graph("POST", f"/graph/v1.0/users/{user}/assignLicense", wish)
    assert "usage location" in refused.json()["error"]["message"]
    patched = await graph("PATCH", f"/graph/v1.0/users/{user}", {"usageLocation": "US"})
    assert (patched.status_code, patched.content) == (204, b"")
    assigned = await graph("POST", f"/graph/v1.0/users/{user}/assignLicense", wish)
    assert assigned.json()["assignedLicenses"] == [{"disabledPlans": [], "skuId": sku["skuId"]}]

    assert (await graph("DELETE", f"/graph/v1.0/users/{user}")).status_code == 204
    assert (await graph("GET", f"/graph/v1.0/users/{user}")).status_code == 404
    deleted = (await graph("GET", "/graph/v1.0/directory/deletedItems/microsoft.graph.user")).json()["value"]
    assert [one["id"] for one in deleted] == [user]
    restored = await graph("POST", f"/graph/v1.0/directory/deletedItems/{user}/restore")
    assert restored.status_code == 200
    plain = await graph("GET", f"/graph/v1.0/users/{user}?$select=assignedLicenses,usageLocation")
    assert (plain.json()["assignedLicenses"], plain.json()["usageLocation"]) == ([], "US")


async def test_delta_gives_everyone_once_and_then_only_what_changed(service):
    customer = await service.customer(prefix="deltas")
    graph = await graph_of(service, customer)
    first = (await graph("GET", "/graph/v1.0/users/delta?$select=displayName,usageLocation")).json()
    assert len(first["value"]) == 1  # the administrator
    made = await service.act(
        "create_user",
        who="customer_admin",
        customer_id=customer,
        user_principal_name="ann@deltas.onmicrosoft.com",
        display_name="Ann Bell",
    )
    second = (await graph("GET", first["@odata.deltaLink"])).json()
    assert second["value"] == [
        {"id": made["user"]["id"], "displayName": "Ann Bell", "usageLocation": None}
    ] or second["value"] == [{"id": made["user"]["id"], "displayName": "Ann Bell"}]
    await service.act("delete_user", who="customer_admin", customer_id=customer, user_id=made["user"]["id"])
    third = (await graph("GET", second["@odata.deltaLink"])).json()
    assert third["value"] == [{"id": made["user"]["id"], "@removed": {"reason": "changed"}}]
    await service.advance(by="P31D")
    too_old = await graph("GET", first["@odata.deltaLink"])
    assert too_old.status_code == 410
    fourth = (await graph("GET", "/graph/v1.0/users/delta")).json()
    assert len(fourth["value"]) == 1
    # what the customer's admin does is in no partner's activity log
    records = (await service.get("/v1/auditrecords"))["items"]
    assert not [one for one in records if one["resourceType"] == "customer_user"]


async def test_another_directory_or_missing_roles_are_refused_in_graphs_words(service):
    customer = await service.customer()
    of_partner = await graph_of(service)
    refused = await of_partner("GET", "/graph/v1.0/users")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "Authorization_RequestDenied")
    graph = await graph_of(service, customer)
    await service.act("change_gdap_roles", customer_id=customer, roles=["Directory Readers"])
    assert (await graph("GET", "/graph/v1.0/users")).status_code == 200
    denied = await graph("DELETE", "/graph/v1.0/users/admin")
    assert denied.status_code == 403


class _Callback(BaseHTTPRequestHandler):
    received: ClassVar[list] = []

    def do_POST(self):
        query = parse_qs(urlsplit(self.path).query)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = query.get("validationToken", [""])[0].encode()
        if not answer:
            self.received.append(json.loads(body))
        self.send_response(200 if answer else 202)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def callback():
    _Callback.received = []
    server = HTTPServer(("127.0.0.1", 0), _Callback)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/graph", _Callback.received
    server.shutdown()
    server.server_close()


async def test_change_notifications_are_validated_and_delivered_as_a_hint(service, callback):
    url, received = callback
    customer = await service.customer(prefix="hints")
    graph = await graph_of(service, customer)
    wish = {
        "changeType": "updated,deleted",
        "resource": "users",
        "notificationUrl": url,
        "expirationDateTime": "2026-01-20T00:00:00Z",
        "clientState": "secret",
    }
    made = await graph("POST", "/graph/v1.0/subscriptions", wish)
    assert made.status_code == 201, made.text
    unreachable = await graph(
        "POST", "/graph/v1.0/subscriptions", {**wish, "notificationUrl": "http://127.0.0.1:9/x"}
    )
    assert unreachable.status_code == 400
    user = await service.act(
        "create_user",
        who="customer_admin",
        customer_id=customer,
        user_principal_name="ann@hints.onmicrosoft.com",
        display_name="Ann Bell",
    )
    await service.advance(until="idle")
    [notification] = received
    [value] = notification["value"]
    assert (value["changeType"], value["clientState"]) == ("updated", "secret")
    assert value["resourceData"]["id"] == user["user"]["id"]


async def test_the_export_holds_the_same_lines_as_the_paged_api(demo):
    graph = await graph_of(demo)
    invoice = next(
        one for one in (await demo.get("/v1/invoices"))["items"] if one["invoiceType"] == "OneTime"
    )
    path = "/graph/v1.0/reports/partners/billing/reconciliation/billed/export"
    started = await graph("POST", path, {"invoiceId": invoice["id"], "attributeSet": "full"})
    assert started.status_code == 202
    operation = (await graph("GET", started.headers["Location"])).json()
    assert operation["status"] == "succeeded"
    manifest = (await graph("GET", operation["resourceLocation@odata.navigationLink"])).json()
    [blob] = manifest["blobs"]
    url = f"{manifest['rootDirectory']}/{blob['name']}?{manifest['sasToken']}"
    content = (await demo.http.get(url)).content
    rows = [json.loads(line) for line in gzip.decompress(content).splitlines()]
    query = "provider=onetime&invoicelineitemtype=billinglineitems"
    lines = (await demo.get(f"/v1/invoices/{invoice['id']}/lineitems?{query}"))["items"]
    assert sorted((row["SubscriptionId"], row["ChargeType"], float(row["Total"])) for row in rows) == sorted(
        (line["subscriptionId"], line["chargeType"], float(line["totalForCustomer"])) for line in lines
    )
    forbidden = await demo.http.get(url.replace("sig=", "sig=0"))
    assert forbidden.status_code == 403
    failed = await graph("POST", path, {"invoiceId": "G0", "attributeSet": "full"})
    ended = (await graph("GET", failed.headers["Location"])).json()
    assert (ended["status"], ended["error"]["code"]) == ("failed", "5000")


async def test_throttled_graph_calls_are_told_in_graphs_words(service):
    customer = await service.customer()
    graph = await graph_of(service, customer)
    await service.control("PATCH", "/profile", {"requests_per_minute": 1})
    answers = [await graph("GET", "/graph/v1.0/users") for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 429]
    assert answers[1].json()["error"]["code"] == "TooManyRequests"
    assert float(answers[1].headers["Retry-After"]) > 0
