"""A subscription's story in one line each."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.subscriptions_v1 import SeatLot, SubscriptionCreated
from csp_subscriptions.domain.subscription import Subscription, fold

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def day(number: int, hour: int = 9) -> datetime:
    return START.replace(hour=hour) + timedelta(days=number - 1)


def created(**changes: Any) -> SubscriptionCreated:
    fields = {
        "subscription_id": "sub_a",
        "tenant_id": "ten_a",
        "microsoft_subscription_id": "m-1",
        "commerce": "nce",
        "rule_set": "nce",
        "product": "CFQ7TTC0LDPB:0001",
        "product_title": "Business Standard",
        "term": "P1Y",
        "charge_cycle": "P1M",
        "quantity": 5,
        "status": "active",
        "currency": "EUR",
        "commitment_ends_on": date(2027, 2, 28),
        "seat_lots": [SeatLot(quantity=5, refundable_until=START + timedelta(days=7))],
    }
    return SubscriptionCreated(**{**fields, **changes})


@dataclass
class Story:
    """Events at their days; folded when asked."""

    events: list[Recorded[Any]] = field(default_factory=list)

    def then(self, data: Any, at: datetime, *, superseded: bool = False) -> "Story":
        meta = Meta(
            reseller="res_a", partition_key="ten_a", effective_at=at, recorded_at=at, superseded=superseded
        )
        self.events.append(Recorded(stream="sub_a", version=len(self.events) + 1, data=data, meta=meta))
        return self

    @property
    def state(self) -> Subscription:
        state = fold(self.events)
        assert state is not None
        return state


@pytest.fixture
def bought():
    return Story().then(created(), START)


@pytest.fixture
def legacy():
    return Story().then(created(commerce="legacy", rule_set="legacy_anniversary", seat_lots=[]), START)


@pytest.fixture
def imported():
    """Began on 1 March, billed from 16 March on."""
    return Story().then(created(billing_from=date(2026, 3, 16)), START)
