"""Migrations to New Commerce that are to happen later: on a date, or when the subscription renews (PC 6.10)."""

from dataclasses import dataclass
from datetime import datetime

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Call, path
from csp_partner_center.migrations_to_nce import MigrationWish
from csp_partner_center.paging import everything
from csp_partner_center.reading import Guid
from csp_partner_center.session import Session
from csp_partner_center.writing import encode, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationSchedule:
    """`target_date` or `migrate_on_renewal`. Microsoft's word for the status is an open set (`Active`, `Cancelled`, …)."""

    id: str
    status: str | None = None
    current_subscription_id: Guid | None = None
    target_date: datetime | None = None
    migrate_on_renewal: bool = False
    term_duration: str | None = None
    billing_cycle: str | None = None
    quantity: int | None = None
    created_time: datetime | None = None


class MigrationSchedules:
    """App-only. Creating is sent once: look at the list before repeating."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def of_customer(self, customer_id: str) -> list[MigrationSchedule]:
        """All of a customer; a bare array."""
        call = self._call("list", "GET", customer_id)
        return (await everything(self._session, MigrationSchedule, call)).items

    async def get(self, customer_id: str, schedule_id: str) -> Answer[MigrationSchedule]:
        """One."""
        return await self._session.ask(MigrationSchedule, self._call("get", "GET", customer_id, schedule_id))

    async def create(
        self, customer_id: str, wish: MigrationWish, on: datetime | None, ids: RequestIds
    ) -> Answer[MigrationSchedule]:
        """Migrate on a date; None: when the subscription renews."""
        call = self._call("create", "POST", customer_id, body=_body(wish, on))
        return await self._session.ask(MigrationSchedule, call, ids)

    async def change(
        self, customer_id: str, schedule_id: str, wish: MigrationWish, on: datetime | None, ids: RequestIds
    ) -> Answer[MigrationSchedule]:
        """Replace one that is still active."""
        call = self._call("update", "PUT", customer_id, schedule_id, body=_body(wish, on))
        return await self._session.ask(MigrationSchedule, call, ids)

    async def cancel(self, customer_id: str, schedule_id: str, ids: RequestIds) -> Answer[MigrationSchedule]:
        """Take one back."""
        call = self._call("cancel", "POST", customer_id, schedule_id, "cancel")
        return await self._session.ask(MigrationSchedule, call, ids)

    def _call(self, verb: str, method: str, customer_id: str, *more: str, body: bytes | None = None) -> Call:
        return Call(
            operation=f"customers.migrations.newcommerce.schedules.{verb}",
            method=method,
            path=path("customers", customer_id, "migrations", "newcommerce", "schedules", *more),
            body=body,
            is_repeatable=method in ("GET", "PUT"),
        )


def _body(wish: MigrationWish, on: datetime | None) -> bytes:
    when = {"migrateOnRenewal": True} if on is None else {"targetDate": plain(on)}
    return encode({**plain(wish), **when})
