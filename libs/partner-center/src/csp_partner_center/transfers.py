"""Subscriptions that come from, or go to, another partner (PC 6.12): new subscription ids, without history or prices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Call, path
from csp_partner_center.orders import Order
from csp_partner_center.paging import everything
from csp_partner_center.reading import Guid, OpenEnum
from csp_partner_center.session import Session
from csp_partner_center.writing import encode


class TransferStatus(OpenEnum):
    """Two words for the same thing occur."""

    ACTIVE = "Active"
    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    COMPLETE = "Complete"
    COMPLETED = "Completed"
    PARTIALLY_COMPLETE = "PartiallyComplete"
    REJECT = "Reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLine:
    """One subscription of it."""

    id: str | None = None
    subscription_id: Guid | None = None
    offer_id: str | None = None
    quantity: int | None = None
    billing_cycle: str | None = None
    partner_id_on_record: str | None = None
    transfer_error: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer of subscriptions."""

    id: str
    status: TransferStatus | None = None
    source_partner_tenant_id: Guid | None = None
    source_partner_name: str | None = None
    target_partner_tenant_id: Guid | None = None
    target_partner_name: str | None = None
    created_time: datetime | None = None
    expiration_time: datetime | None = None
    line_items: list[TransferLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferError:
    """A group that did not come over."""

    transfer_group_id: str | None = None
    code: str | None = None
    description: str | None = None
    line_items: list[TransferLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferResult:
    """Partial success is possible."""

    orders: list[Order] = field(default_factory=list)
    transfer_errors: list[TransferError] = field(default_factory=list)


class Transfers:
    """App-only. Creating and accepting are sent once."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def of_customer(self, customer_id: str) -> list[Transfer]:
        """All of them; a bare array."""
        call = Call(
            operation="customers.transfers.list",
            method="GET",
            path=path("customers", customer_id, "transfers"),
        )
        return (await everything(self._session, Transfer, call)).items

    async def get(self, customer_id: str, transfer_id: str) -> Answer[Transfer]:
        """One."""
        return await self._session.ask(
            Transfer,
            Call(
                operation="customers.transfers.get",
                method="GET",
                path=path("customers", customer_id, "transfers", transfer_id),
            ),
        )

    async def offer(
        self, customer_id: str, target_partner_tenant_id: str, subscriptions: list[str], ids: RequestIds
    ) -> Answer[Transfer]:
        """Give subscriptions to another partner (the form of 2020-23: the source creates)."""
        body = {
            "targetPartnerTenantId": target_partner_tenant_id,
            "lineItems": [{"subscriptionId": each} for each in subscriptions],
        }
        return await self._session.ask(Transfer, self._create(customer_id, body), ids)

    async def request(
        self,
        customer_id: str,
        source_partner_tenant_id: str,
        source_partner_name: str,
        email: str,
        ids: RequestIds,
    ) -> Answer[Transfer]:
        """Ask another partner for its subscriptions (the form of 2026: the target creates)."""
        body = {
            "sourcePartnerTenantId": source_partner_tenant_id,
            "sourcePartnerName": source_partner_name,
            "customerEmailId": email,
            "transferType": 3,
        }
        return await self._session.ask(Transfer, self._create(customer_id, body), ids)

    async def accept(self, customer_id: str, transfer_id: str, ids: RequestIds) -> Answer[TransferResult]:
        """Take them over."""
        return await self._session.ask(
            TransferResult,
            Call(
                operation="customers.transfers.accept",
                method="POST",
                path=path("customers", customer_id, "transfers", transfer_id, "accept"),
            ),
            ids,
        )

    async def withdraw(self, customer_id: str, transfer_id: str, ids: RequestIds) -> Answer[None]:
        """As the source: take the offer back."""
        call = Call(
            operation="customers.transfers.delete",
            method="DELETE",
            path=path("customers", customer_id, "transfers", transfer_id),
            is_repeatable=True,
        )
        return (await self._session.send(call, ids)).answer

    def _create(self, customer_id: str, body: Mapping[str, object]) -> Call:
        return Call(
            operation="customers.transfers.create",
            method="POST",
            path=path("customers", customer_id, "transfers"),
            body=encode(body),
        )
