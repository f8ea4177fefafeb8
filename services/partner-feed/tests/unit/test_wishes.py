from datetime import UTC, datetime

import pytest

from csp_partner_center.webhooks import read_notification
from csp_partner_feed.domain.observation import Channel, Resource
from csp_partner_feed.domain.wishes import Ignored, Wish, wish_of_notification

NOW = datetime(2026, 3, 5, tzinfo=UTC)
TENANT, SUBSCRIPTION = "aaaaaaaa-0000-4000-8000-00000000000a", "bbbbbbbb-0000-4000-8000-00000000000b"


def wish(event: str, uri: str | None) -> Wish | Ignored:
    body = b'{"EventName": "%b", "ResourceUri": %b}' % (
        event.encode(),
        b"null" if uri is None else f'"{uri}"'.encode(),
    )
    notification = read_notification(body)
    return wish_of_notification(
        "res_n", notification.event_name, notification.ids, due_at=NOW, changed_at=NOW
    )


@pytest.mark.parametrize(
    "uri",
    [
        f"http://api.partnercenter.microsoft.com/webhooks/v1/customers/{TENANT}/subscriptions/{SUBSCRIPTION}",
        f"https://evil.example/v1/customers/{TENANT.upper()}/subscriptions/{SUBSCRIPTION.upper()}",
        f"/customers/{TENANT}/subscriptions/{SUBSCRIPTION}",
    ],
)
def test_a_changed_subscription_is_read_by_its_ids_whatever_host_the_body_names(uri: str):
    found = wish("subscription-updated", uri)
    assert isinstance(found, Wish)
    assert (found.resource, found.microsoft_tenant_id, found.microsoft_id) == (
        Resource.SUBSCRIPTION,
        TENANT,
        SUBSCRIPTION,
    )
    assert (found.channel, found.changed_at, found.is_repeated) == (Channel.WEBHOOK, NOW, True)


def test_a_new_relationship_reads_the_customer():
    found = wish("reseller-relationship-accepted-by-customer", f"https://x/v1/customers/{TENANT}")
    assert isinstance(found, Wish)
    assert found.resource is Resource.TENANT


@pytest.mark.parametrize(
    ("event", "uri", "expected"),
    [
        ("test-created", "http://localhost/v1/webhooks/registration/test", Ignored.TEST),
        ("subscription-updated", None, Ignored.NO_ID),
        ("subscription-updated", "https://x/v1/customers/abc", Ignored.NO_ID),
        ("invoice-ready", "https://x/v1/invoices/G1", Ignored.NOT_OURS),
        ("granular-admin-relationship-expired", "https://x/granularAdminRelationships/1", Ignored.NOT_OURS),
        ("a-new-event", "https://x/v1/customers/abc", Ignored.UNKNOWN_EVENT),
    ],
)
def test_what_asks_for_nothing_says_why(event: str, uri: str | None, expected: Ignored):
    assert wish(event, uri) is expected
