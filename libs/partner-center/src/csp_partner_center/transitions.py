"""Moving a subscription to another product: upgrades and trial conversion of legacy, transitions of New Commerce (PC 6.8, 6.9)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Access, Call, path
from csp_partner_center.catalogue import BillingCycle
from csp_partner_center.paging import everything
from csp_partner_center.reading import Guid, UnreadableField, member, read
from csp_partner_center.session import Session
from csp_partner_center.writing import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why something is not possible."""

    code: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionKind:
    """`transition_only` or `transition_with_license_transfer`."""

    transition_type: str | None = None
    is_eligible: bool = False
    errors: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionEligibility:
    """One product that a subscription could become."""

    catalog_item_id: str
    operation_id: str | None = None
    title: str | None = None
    quantity: int | None = None
    eligibilities: list[TransitionKind] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransition:
    """Full (all seats: the subscription keeps its id) or partial (a second subscription comes about). No undo."""

    to_catalog_item_id: str
    quantity: int
    transition_type: str
    from_catalog_item_id: str | None = None
    from_subscription_id: str | None = None
    to_subscription_id: str | None = None
    term_duration: str | None = None
    billing_cycle: str | None = None
    promotion_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionEvent:
    """`Conversion` or `LicenseReassignment`, and how it went."""

    name: str | None = None
    status: str | None = None
    timestamp: datetime | None = None
    errors: list[Problem] = field(default_factory=list)

    @property
    def is_completed(self) -> bool:
        """Published examples carry a blank behind the word."""
        return (self.status or "").strip().lower() == "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What became of it."""

    operation_id: str | None = None
    from_catalog_item_id: str | None = None
    from_subscription_id: Guid | None = None
    to_catalog_item_id: str | None = None
    to_subscription_id: Guid | None = None
    quantity: int | None = None
    transition_type: str | None = None
    events: list[TransitionEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeTarget:
    """The offer to upgrade to."""

    id: Guid | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """A possible upgrade of a legacy subscription; `raw` is sent back to carry it out."""

    target_offer: UpgradeTarget | None = None
    upgrade_type: str | None = None
    is_eligible: bool = False
    quantity: int | None = None
    upgrade_errors: list[Problem] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeResult:
    """All seats move."""

    source_subscription_id: Guid | None = None
    target_subscription_id: Guid | None = None
    upgrade_errors: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A paid offer that a legacy trial could become."""

    offer_id: Guid | None = None
    target_offer_id: Guid | None = None
    order_id: str | None = None
    quantity: int | None = None
    billing_cycle: BillingCycle | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionResult:
    """The subscription keeps its id."""

    subscription_id: Guid | None = None
    offer_id: Guid | None = None
    target_offer_id: Guid | None = None
    error: Problem | None = None


class Transitions:
    """Eligibility is a read; carrying out is sent once, because there is no undo: read the history before repeating."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def eligibilities(
        self, customer_id: str, subscription_id: str, *, kind: str = "immediate"
    ) -> list[TransitionEligibility]:
        """What a New Commerce subscription could become, `immediate` or `scheduled`."""
        call = Call(
            operation="customers.subscriptions.transitionEligibilities.list",
            method="GET",
            path=path("customers", customer_id, "subscriptions", subscription_id, "transitionEligibilities"),
            query=(("eligibilityType", kind),),
        )
        return (await everything(self._session, TransitionEligibility, call)).items

    async def transition(
        self, customer_id: str, subscription_id: str, new: NewTransition, ids: RequestIds
    ) -> Answer[Transition]:
        """Carry it out."""
        return await self._session.ask(
            Transition,
            Call(
                operation="customers.subscriptions.transitions.create",
                method="POST",
                path=path("customers", customer_id, "subscriptions", subscription_id, "transitions"),
                body=encode(new),
            ),
            ids,
        )

    async def history(self, customer_id: str, subscription_id: str) -> list[Transition]:
        """What was carried out; the list is called `transition` (PC 2.4)."""
        call = Call(
            operation="customers.subscriptions.transitions.list",
            method="GET",
            path=path("customers", customer_id, "subscriptions", subscription_id, "transitions"),
        )
        reply = await self._session.send(call)
        return self._session.understood(call, reply, _transitions)

    async def upgrades(self, customer_id: str, subscription_id: str) -> list[Upgrade]:
        """What a legacy subscription could become; app+user."""
        call = self._legacy("upgrades.list", "GET", customer_id, subscription_id, "upgrades")
        return (await everything(self._session, Upgrade, call)).items

    async def upgrade(
        self, customer_id: str, subscription_id: str, chosen: Upgrade, ids: RequestIds
    ) -> Answer[UpgradeResult]:
        """Carry out one of `upgrades`; app+user."""
        call = self._legacy(
            "upgrades.create", "POST", customer_id, subscription_id, "upgrades", encode(chosen.raw)
        )
        return await self._session.ask(UpgradeResult, call, ids)

    async def conversions(self, customer_id: str, subscription_id: str) -> list[Conversion]:
        """What a legacy trial could become; app+user."""
        call = self._legacy("conversions.list", "GET", customer_id, subscription_id, "conversions")
        return (await everything(self._session, Conversion, call)).items

    async def convert(
        self, customer_id: str, subscription_id: str, chosen: Conversion, ids: RequestIds
    ) -> Answer[ConversionResult]:
        """Carry out one of `conversions`; app+user."""
        call = self._legacy(
            "conversions.create", "POST", customer_id, subscription_id, "conversions", encode(chosen.raw)
        )
        return await self._session.ask(ConversionResult, call, ids)

    def _legacy(
        self,
        verb: str,
        method: str,
        customer_id: str,
        subscription_id: str,
        what: str,
        body: bytes | None = None,
    ) -> Call:
        return Call(
            operation=f"customers.subscriptions.{verb}",
            method=method,
            path=path("customers", customer_id, "subscriptions", subscription_id, what),
            body=body,
            access=Access.APP_USER,
        )


def _transitions(body: object) -> list[Transition]:
    for name in ("transition", "transitions", "items"):
        listed = body if isinstance(body, list) else member(body, name)
        if isinstance(listed, list):
            return [read(Transition, each) for each in listed]
    raise UnreadableField("transition", "is missing or not a list")
