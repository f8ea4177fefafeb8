"""The activity log: what partner users, partner applications and Partner Center did (PC 8)."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import msgspec

from csp_partner_center.answers import Answer
from csp_partner_center.calls import Base, Call, path
from csp_partner_center.errors import NotFound
from csp_partner_center.paging import Page, seek
from csp_partner_center.reading import Guid, OpenEnum, UnreadableField, decode
from csp_partner_center.session import Session


class AuditStatus(OpenEnum):
    """Whether it was done."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomizedData:
    """A detail under a name."""

    key: str = ""
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One thing that was done. `original_correlation_id` is that of the call that caused it: so we know our own changes.

    Operation and resource types are open sets. Values before and after are JSON as text, in Pascal case.
    """

    id: str | None = None
    partner_id: Guid | None = None
    customer_id: Guid | None = None
    customer_name: str | None = field(default=None, repr=False)
    user_principal_name: str | None = field(default=None, repr=False)
    application_id: str | None = None
    resource_type: str | None = None
    resource_old_value: str | None = field(default=None, repr=False)
    resource_new_value: str | None = field(default=None, repr=False)
    operation_type: str = "unknown"
    original_correlation_id: Guid | None = None
    operation_date: datetime
    operation_status: AuditStatus = AuditStatus.SUCCEEDED
    customized_data: list[CustomizedData] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What tells records apart; old ones have no id."""
        return self.id or "_".join(
            str(part)
            for part in (
                self.partner_id,
                self.customer_id,
                self.resource_type,
                self.operation_type,
                self.operation_date.isoformat(),
                *(f"{each.key}={each.value}" for each in self.customized_data),
            )
        )

    @property
    def happened_at(self) -> datetime:
        """To the ten-millionth of a second where the id carries ticks (PC 8), else the operation date."""
        ticks = re.search(r"_(\d{18})$", self.id or "")
        if not ticks:
            return self.operation_date
        return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(ticks[1]) // 10)

    def detail(self, name: str) -> str | None:
        """One of the customized data; numbered ones with their number (`SubscriptionId-0`)."""
        return next((each.value for each in self.customized_data if each.key.lower() == name.lower()), None)

    def details(self, name: str) -> list[str]:
        """All lines of a numbered one: `details("SubscriptionId")`."""
        wanted = re.compile(rf"{re.escape(name)}(-\d+)?", re.IGNORECASE)
        return [each.value for each in self.customized_data if each.value and wanted.fullmatch(each.key)]

    def new_value(self) -> object:
        """The resource after the operation, decoded; None where it is absent or unreadable."""
        return _decoded(self.resource_new_value)

    def old_value(self) -> object:
        """The resource before it."""
        return _decoded(self.resource_old_value)


class Audit:
    """App-only. Records come late (hours) and out of order: read the last two days again on each poll."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(
        self,
        *,
        start: date,
        end: date | None = None,
        customer_id: str | None = None,
        size: int = 500,
        continuation: str | None = None,
    ) -> AsyncIterator[Page[AuditRecord]]:
        """From day to day, UTC; at most 90 days back."""
        query: list[tuple[str, str]] = [("startDate", start.isoformat())]
        if end is not None:
            query.append(("endDate", end.isoformat()))
        if customer_id is not None:
            wanted = {"Field": "CustomerId", "Value": customer_id, "Operator": "equals"}
            query.append(("filter", msgspec.json.encode(wanted).decode()))
        query.append(("size", str(size)))
        return seek(
            self._session,
            AuditRecord,
            Call(operation="auditrecords.list", method="GET", path="/auditrecords", query=tuple(query)),
            continuation=continuation,
        )

    async def get(self, record_id: str) -> Answer[AuditRecord]:
        """One record; it is found under one of two addresses (PC 8)."""
        call = Call(
            operation="auditrecords.get",
            method="GET",
            path=path("auditrecords", record_id),
            base=Base.AUDIT_ACTIVITY,
        )
        try:
            return await self._session.ask(AuditRecord, call)
        except NotFound:
            other = Call(operation="auditrecords.get", method="GET", path=path("auditrecords", record_id))
            return await self._session.ask(AuditRecord, other)


def _decoded(text: str | None) -> object:
    if not text:
        return None
    try:
        return decode(text.encode())
    except UnreadableField:
        return None
