import json
from datetime import UTC, datetime, timedelta

import pytest

from csp_partner_center.audit import AuditRecord
from csp_partner_center.reading import read
from csp_partner_feed.adapters.audit_mapping import facts_of, wishes_of
from csp_partner_feed.adapters.inbox import joined
from csp_partner_feed.adapters.parked import scrubbed
from csp_partner_feed.adapters.tenants import next_turn
from csp_partner_feed.domain.observation import Resource

NOW = datetime(2026, 3, 5, tzinfo=UTC)
TENANT, SUBSCRIPTION, USER = (
    f"{letter * 8}-0000-4000-8000-00000000000{letter}" for letter in ("a", "b", "c")
)


def record(operation: str = "update_subscription", kind: str = "subscription", **more) -> AuditRecord:
    value = more.pop("value", {"Id": SUBSCRIPTION.upper(), "Quantity": 8, "Status": "Active"})
    return read(
        AuditRecord,
        {
            "id": f"p_c_{kind}_{operation}_639082785305000000",
            "customerId": TENANT.upper(),
            "resourceType": kind,
            "operationType": operation,
            "operationDate": "2026-03-04T10:00:00Z",
            "operationStatus": "succeeded",
            "originalCorrelationId": "C0FFEE",
            "resourceNewValue": None if value is None else json.dumps(value),
            **more,
        },
    )


def test_a_changed_subscription_is_a_fact_at_its_own_time():
    (fact,) = facts_of("res_n", record(), NOW)
    assert fact.microsoft_id == SUBSCRIPTION
    assert fact.state == {"quantity": 8, "status": "active"}
    assert fact.changed_at == datetime(2026, 3, 4, 10, tzinfo=UTC)
    assert fact.audit is not None
    assert fact.audit.correlation_id == "c0ffee"


def test_a_record_that_shows_the_resource_before_tells_only_what_changed():
    before = {"Id": SUBSCRIPTION, "Quantity": 8, "Status": "Active", "AutoRenewEnabled": True}
    changed = record(value={**before, "AutoRenewEnabled": False}, resourceOldValue=json.dumps(before))
    (fact,) = facts_of("res_n", changed, NOW)
    assert fact.state == {"auto_renew": False}
    same = record(value=before, resourceOldValue=json.dumps(before))
    assert facts_of("res_n", same, NOW) == []
    more = record(value={**before, "Quantity": 11}, resourceOldValue=json.dumps(before))
    (fact,) = facts_of("res_n", more, NOW)
    assert fact.state == {"quantity": 11, "previous_quantity": 8}


@pytest.mark.parametrize("status", ["failed", "progress"])
def test_what_did_not_succeed_is_no_fact_and_no_reason_to_read(status: str):
    failed = record(operationStatus=status)
    assert facts_of("res_n", failed, NOW) == []
    assert wishes_of("res_n", failed, NOW) == []


def test_an_order_is_no_fact_but_its_subscriptions_are_read():
    order = record(
        "create_order",
        "order",
        value={"LineItems": [{"SubscriptionId": SUBSCRIPTION.upper()}]},
        customizedData=[{"key": "SubscriptionId-0", "value": SUBSCRIPTION}],
    )
    assert facts_of("res_n", order, NOW) == []
    (wish,) = wishes_of("res_n", order, NOW)
    assert (wish.resource, wish.microsoft_id) == (Resource.SUBSCRIPTION, SUBSCRIPTION)


def test_a_licence_change_reads_the_user_and_the_seats():
    change = record(
        "update_customer_user_licenses",
        "license",
        value={"LicensesToAssign": []},
        customizedData=[{"key": "CustomerUserId", "value": USER}],
    )
    assert {wish.resource for wish in wishes_of("res_n", change, NOW)} == {Resource.USER, Resource.LICENCES}


@pytest.mark.parametrize("value", [None, [], "text", {"Id": 5}, {"Quantity": "many"}])
def test_an_unreadable_value_stops_nothing(value):
    odd = record(value=value)
    assert facts_of("res_n", odd, NOW) == []
    assert wishes_of("res_n", odd, NOW) == []


def test_an_unknown_operation_reads_what_it_names():
    (wish,) = wishes_of("res_n", record("something_new"), NOW)
    assert wish.resource is Resource.SUBSCRIPTION


def test_wishes_for_one_resource_are_one_with_the_newest_time():
    (one,) = wishes_of("res_n", record(), NOW)
    assert len(joined([one, one, one])) == 1


def test_secrets_and_persons_are_taken_out_of_what_is_parked():
    raw = {
        "userPrincipalName": "kim@x",
        "passwordProfile": {"password": "canary"},
        "companyName": "North",
        "items": [{"displayName": "Kim", "quantity": 5}],
    }
    assert scrubbed(raw) == {
        "userPrincipalName": "***",
        "passwordProfile": "***",
        "companyName": "North",
        "items": [{"displayName": "***", "quantity": 5}],
    }


def test_comparisons_are_spread_over_the_day_and_never_further_apart_than_one_and_a_half():
    day = timedelta(days=1)
    turns = [next_turn(f"tenant-{number}", NOW, day) for number in range(2000)]
    assert all(day / 2 <= turn - NOW <= day * 3 / 2 for turn in turns)
    hours = [int((turn - NOW).total_seconds() // 3600) % 24 for turn in turns]
    assert max(hours.count(hour) for hour in range(24)) < 2 * 2000 / 24
