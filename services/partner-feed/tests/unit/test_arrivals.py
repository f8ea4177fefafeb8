"""PC 6.12, R9.10: what was paid at another partner is not charged again."""

from dataclasses import dataclass

from csp_partner_center.errors import Refused
from csp_partner_center.reading import read
from csp_partner_center.subscriptions import Subscription
from csp_partner_center.transfers import Transfer
from csp_partner_feed.adapters.arrivals import mark_arrivals

OURS, THEIRS = "our-tenant", "their-tenant"


def subscription(quantity: int = 5) -> Subscription:
    return read(
        Subscription,
        {
            "id": "new",
            "offerId": "P:0001:A",
            "quantity": quantity,
            "billingCycleEndDate": "2026-03-20T00:00:00Z",
        },
    )


def transfer(status: str = "Completed", source: str = THEIRS, quantity: int = 5) -> Transfer:
    return read(
        Transfer,
        {
            "id": "t",
            "status": status,
            "sourcePartnerTenantId": source,
            "lineItems": [{"offerId": "P:0001:OLD", "quantity": quantity}],
        },
    )


@dataclass
class Partner:
    """A partner with these transfers; what it has of the client is only what is asked here."""

    found: list[Transfer] | None
    asked: int = 0

    @property
    def transfers(self) -> "Partner":
        return self

    async def of_customer(self, _: str) -> list[Transfer]:
        self.asked += 1
        if self.found is None:
            raise Refused("customers.transfers.list", "answered 403")
        return self.found


async def marked(*transfers: Transfer, seen: list[Subscription] | None = None) -> list[object]:
    states = [(each, {}) for each in (seen or [subscription()])]
    await mark_arrivals(Partner(list(transfers)), "tenant", states, ours=OURS)
    return [state.get("paid_until") for _, state in states]


async def test_a_subscription_from_another_partner_is_paid_until_its_cycle_there_ends():
    assert await marked(transfer()) == ["2026-03-21"]


async def test_only_a_finished_transfer_to_us_counts():
    assert await marked(transfer("Active")) == [None]
    assert await marked(transfer(source=OURS.upper())) == [None]
    assert await marked(transfer(quantity=9)) == [None]
    assert await marked() == [None]


async def test_one_line_of_a_transfer_brings_one_subscription():
    assert await marked(transfer(), seen=[subscription(), subscription()]) == ["2026-03-21", None]


async def test_without_new_subscriptions_nothing_is_asked_and_a_refusal_stops_nothing():
    partner = Partner(None)
    await mark_arrivals(partner, "tenant", [], ours=OURS)
    assert partner.asked == 0
    state: dict = {}
    await mark_arrivals(partner, "tenant", [(subscription(), state)], ours=OURS)
    assert state == {}
