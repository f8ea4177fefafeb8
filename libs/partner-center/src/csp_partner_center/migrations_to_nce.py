"""From legacy to New Commerce: the old subscription ends, a new one with a new id begins (PC 6.10)."""

from dataclasses import dataclass, field
from datetime import datetime

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Call, path
from csp_partner_center.paging import everything
from csp_partner_center.reading import Guid, OpenEnum
from csp_partner_center.session import Session
from csp_partner_center.transitions import Problem
from csp_partner_center.writing import encode


class MigrationStatus(OpenEnum):
    """How far it is."""

    PROCESSING = "Processing"
    COMPLETED = "Completed"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationWish:
    """What the subscription is to become; absent members stay as Microsoft chooses."""

    current_subscription_id: str
    term_duration: str | None = None
    billing_cycle: str | None = None
    purchase_full_term: bool | None = None
    quantity: int | None = None
    custom_term_end_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationVerdict:
    """Whether it is possible; says nothing about promotions."""

    is_eligible: bool = False
    current_subscription_id: Guid | None = None
    catalog_item_id: str | None = None
    errors: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One on its way, or done."""

    id: str
    status: MigrationStatus | None = None
    current_subscription_id: Guid | None = None
    new_commerce_subscription_id: Guid | None = None
    new_commerce_order_id: str | None = None
    catalog_item_id: str | None = None
    started_time: datetime | None = None
    completed_time: datetime | None = None
    subscription_end_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationEvent:
    """A step of it."""

    name: str | None = None
    status: str | None = None
    created_time: datetime | None = None
    code: str | None = None
    description: str | None = None


class Migrations:
    """App-only. Creating is sent once: look at the events of the subscription before repeating."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def validate(self, customer_id: str, wish: MigrationWish) -> Answer[MigrationVerdict]:
        """Whether it is possible; changes nothing."""
        return await self._session.ask(
            MigrationVerdict,
            Call(
                operation="customers.migrations.newcommerce.validate",
                method="POST",
                path=path("customers", customer_id, "migrations", "newcommerce", "validate"),
                body=encode(wish),
                is_repeatable=True,
            ),
        )

    async def create(self, customer_id: str, wish: MigrationWish, ids: RequestIds) -> Answer[Migration]:
        """Begin."""
        return await self._session.ask(
            Migration,
            Call(
                operation="customers.migrations.newcommerce.create",
                method="POST",
                path=path("customers", customer_id, "migrations", "newcommerce"),
                body=encode(wish),
            ),
            ids,
        )

    async def get(self, customer_id: str, migration_id: str) -> Answer[Migration]:
        """How far it is."""
        return await self._session.ask(
            Migration,
            Call(
                operation="customers.migrations.newcommerce.get",
                method="GET",
                path=path("customers", customer_id, "migrations", "newcommerce", migration_id),
            ),
        )

    async def events(self, customer_id: str, *, subscription_id: str) -> list[MigrationEvent]:
        """What happened to a subscription's migration."""
        call = Call(
            operation="customers.migrations.newcommerce.events.list",
            method="GET",
            path=path("customers", customer_id, "migrations", "newcommerce", "events"),
            query=(("current_subscription_id", subscription_id),),
        )
        return (await everything(self._session, MigrationEvent, call)).items
