"""Who comes too late is told what has changed since."""

from dataclasses import replace
from datetime import UTC, datetime

from csp_contracts import subscriptions_v1
from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import Kind
from csp_contracts.registry import all_types
from csp_contracts.subscriptions_v1 import AutoRenewChanged, QuantityChanged, SubscriptionSuspended
from csp_subscriptions.domain import changed
from csp_subscriptions.domain.changed import changed_since

NOW = datetime(2026, 3, 5, tzinfo=UTC)
META = Meta(reseller="res_a", partition_key="ten_a", effective_at=NOW, recorded_at=NOW)
FACTS = [
    QuantityChanged(subscription_id="sub_a", tenant_id="ten_a", previous=5, quantity=8),
    AutoRenewChanged(subscription_id="sub_a", tenant_id="ten_a", end_of_term="cancel"),
    SubscriptionSuspended(subscription_id="sub_a", tenant_id="ten_a"),
]
EVENTS = [Recorded(stream="sub_a", version=n, data=data, meta=META) for n, data in enumerate(FACTS, 2)]


def test_the_fields_of_what_happened_since_are_named_once_each():
    assert changed_since(EVENTS, 1) == ["end_of_term", "quantity", "seat_lots", "status"]
    assert changed_since(EVENTS, 3) == ["status"]
    assert changed_since(EVENTS, 4) == []


def test_a_superseded_fact_has_changed_nothing():
    late = replace(EVENTS[0], meta=replace(META, superseded=True))
    assert changed_since([late], 1) == []


def test_every_event_of_a_subscription_says_what_it_changes():
    own = {
        each.cls
        for each in all_types()
        if each.stream == Kind.SUBSCRIPTION and each.cls.__module__ == subscriptions_v1.__name__
    }
    unnamed = {subscriptions_v1.SubscriptionCreated, subscriptions_v1.EffectiveTimeCorrected}
    assert own - unnamed == set(changed._FIELDS)
