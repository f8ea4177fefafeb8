"""Registration, signed delivery, retries and defects (PC 9, 14.7)."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import NameOID

BASIC = "CFQ7TTC0LH18:0001"


class Receiver:
    """A callback that keeps what it gets and answers what it is told."""

    def __init__(self):
        self.received, self.status = [], 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.received.append((dict(self.headers), body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.server.shutdown()
    one.server.server_close()


async def register(service, url, *events, **more):
    body = {"WebhookUrl": url, "WebhookEvents": list(events), **more}
    return await service.call("POST", "/webhooks/v1/registration", body)


async def verify(service, headers, body):
    certificate = x509.load_der_x509_certificate(
        (await service.http.get(headers["X-MS-Certificate-Url"].replace("http://simulator.test", ""))).content
    )
    root = x509.load_pem_x509_certificate(
        (await service.http.get("/_control/webhooks/certificates/root.pem")).content
    )
    certificate.verify_directly_issued_by(root)
    organization = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value
    assert organization == "Microsoft Corporation"
    signature = headers.get("x-ms-signature") or headers["Authorization"].removeprefix("Signature ")
    certificate.public_key().verify(base64.b64decode(signature), body, padding.PKCS1v15(), hashes.SHA256())


async def test_a_changed_subscription_is_told_signed_over_the_exact_bytes(service, receiver):
    assert (await service.call("GET", "/webhooks/v1/registration")).status_code == 404
    made = await register(service, receiver.url, "subscription-updated", "test-created")
    assert (made.status_code, made.json()["WebhookUrl"]) == (200, receiver.url)
    assert (await register(service, receiver.url, "test-created")).status_code == 409
    customer = await service.customer()
    bought = await service.buy(customer, BASIC, 2)
    await service.change(bought, quantity=3)
    await service.advance(until="idle")
    assert len(receiver.received) == 2
    for headers, body in receiver.received:
        await verify(service, headers, body)
    told = json.loads(receiver.received[1][1])
    assert told["EventName"] == "subscription-updated"
    assert told["ResourceUri"].endswith(f"/webhooks/v1/customers/{customer}/subscriptions/{bought['id']}")
    record = await service.get(told["AuditUri"].removeprefix("https://api.partnercenter.microsoft.com"))
    assert record["operationType"] == "update_subscription"
    assert json.loads(record["resourceNewValue"])["Quantity"] == 3


async def test_a_refused_delivery_is_tried_ten_times_by_the_virtual_clock_then_lies_offline(
    service, receiver
):
    receiver.status = 500
    await register(service, receiver.url, "subscription-updated")
    customer = await service.customer()
    await service.buy(customer, BASIC, 1)
    await service.advance(until="idle")
    [delivery] = (await service.control("GET", "/webhooks"))["offline"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500] * 10
    assert len(receiver.received) == 10


async def test_validation_events_report_how_the_callback_answered_and_are_limited_to_two_a_minute(
    service, receiver
):
    await register(service, receiver.url, "test-created", SignatureTokenToMsSignatureHeader=True)
    path = "/webhooks/v1/registration/validationEvents"
    asked = await service.call("POST", path)
    await service.advance(until="idle")
    result = await service.get(f"{path}/{asked.json()['correlationId']}")
    assert (result["status"], result["results"][0]["responseCode"]) == ("completed", "OK")
    headers, body = receiver.received[0]
    assert "x-ms-signature" in {name.lower() for name in headers}
    await verify(service, headers, body)
    await service.call("POST", path)
    third = await service.call("POST", path)
    assert third.status_code == 429
    assert third.json()["statusCode"] == 429


@pytest.mark.parametrize("defect", ["bad_signature", "expired_certificate", "foreign_certificate"])
async def test_defects_on_request_do_not_verify(service, receiver, defect):
    await register(service, receiver.url, "subscription-updated")
    wish = {
        "tenant_id": service.partner["tenant_id"],
        "event": "subscription-updated",
        "resource_uri": "https://x/y",
        "defect": defect,
    }
    await service.control("POST", "/webhooks/emit", wish)
    await service.advance(until="idle")
    headers, body = receiver.received[0]
    if defect == "expired_certificate":
        name = headers["X-MS-Certificate-Url"].replace("http://simulator.test", "")
        certificate = x509.load_der_x509_certificate((await service.http.get(name)).content)
        assert certificate.not_valid_after_utc < certificate.not_valid_before_utc.replace(year=2100)
        assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 365
    else:
        with pytest.raises((InvalidSignature, ValueError)):
            await verify(service, headers, body)


async def test_copies_can_be_emitted_shuffled_and_a_dead_channel_stays_silent(service, receiver):
    await register(service, receiver.url, "subscription-updated")
    wish = {
        "tenant_id": service.partner["tenant_id"],
        "event": "subscription-updated",
        "resource_uri": "https://x/y",
    }
    await service.control("POST", "/webhooks/emit", {**wish, "copies": 5, "shuffle": True})
    await service.advance(until="idle")
    assert len(receiver.received) == 5
    await service.control("PATCH", "/channels", {"webhooks": False})
    customer = await service.customer()
    await service.buy(customer, BASIC, 1)
    await service.advance(until="idle")
    assert len(receiver.received) == 5


@pytest.mark.parametrize(
    ("event", "path", "name"),
    [
        (
            "subscription-updated",
            "/webhooks/v1/customers/{customer}/subscriptions/{subscription}",
            "subscription",
        ),
        ("new-commerce-migration-created", "/v1/customers/{customer}/migrations/newcommerce/1", "migration"),
        ("granular-admin-access-assignment-deleted", "/accessAssignments/1", "GranularAdminAccessAssignment"),
    ],
)
async def test_an_emitted_event_names_its_resource_and_the_newest_record_about_it(
    service, receiver, event, path, name
):
    await register(service, receiver.url, "test-created")
    customer = await service.customer()
    subscription = (await service.buy(customer, BASIC, 1))["id"]
    await service.customer()
    uri = "https://api.partnercenter.microsoft.com" + path.format(
        customer=customer, subscription=subscription
    )
    wish = {"tenant_id": service.partner["tenant_id"], "event": event, "resource_uri": uri}
    await service.control("POST", "/webhooks/emit", wish)
    await service.control("POST", "/webhooks/emit", {**wish, "defect": "null_audit_uri"})
    await service.advance(until="idle")
    told, without = (json.loads(body) for _, body in receiver.received)
    assert told["ResourceName"] == name
    assert without["AuditUri"] is None
    if customer in uri:
        record = await service.get(told["AuditUri"].removeprefix("https://api.partnercenter.microsoft.com"))
        assert record["customerId"] == customer
