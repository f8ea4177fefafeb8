"""The internal HTTP edge: parse, authorise, call, answer. The gateway is its only caller from outside."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from csp_runtime.http import AnyCommand, AnyScope
from csp_runtime.operations.beginning import Begun
from csp_runtime.problems import Problem, not_found
from csp_runtime.scope import Role, Scope
from csp_subscriptions.application import OrderLine, SubscriptionUseCases
from csp_subscriptions.billing_starts import BillingStarts
from csp_subscriptions.labels import SubscriptionLabels

Term = Literal["P1M", "P1Y", "P3Y"]

_MAY_BILL = frozenset({Role.RESELLER_ADMIN, Role.RESELLER_BILLING, Role.SERVICE})
_MAY_CHANGE = frozenset({Role.RESELLER_ADMIN, Role.CUSTOMER_ADMIN, Role.SERVICE})


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrderLineBody(_Body):
    """One line of an order."""

    product: str = Field(max_length=100)
    quantity: int = Field(ge=1, le=10_000_000)
    term: Term
    charge_cycle: Term
    quote_id: str | None = None
    friendly_name: str | None = Field(None, max_length=200)


class OrderBody(_Body):
    """An order of one tenant."""

    tenant_id: str
    lines: list[OrderLineBody] = Field(min_length=1, max_length=50)


class QuantityBody(_Body):
    """Seats wanted."""

    quantity: int = Field(ge=1, le=10_000_000)


class EndOfTermBody(_Body):
    """What happens at the end of the term."""

    end_of_term: Literal["renew", "cancel"]


class BillingStartBody(_Body):
    """The UTC day from which it is billed."""

    billing_from: date


class LabelsBody(BaseModel):
    """A merge patch of labels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: dict[str, str | None]


class BegunBody(BaseModel):
    """The operation that answers a command."""

    operation_id: str
    version: int
    is_replay: bool


ExpectedVersion = Annotated[int | None, Header(alias="X-Expected-Version")]


def routes(
    use_cases: SubscriptionUseCases, billing_starts: BillingStarts, labels: SubscriptionLabels
) -> APIRouter:
    """The routes of this context."""
    router = APIRouter(prefix="/internal/v1")

    @router.post("/orders", status_code=202)
    async def create_order(body: OrderBody, scope: AnyScope, command: AnyCommand) -> BegunBody:
        _may_change(scope)
        lines = [OrderLine(**line.model_dump()) for line in body.lines]
        return _begun(await use_cases.order(scope, body.tenant_id, lines, command))

    @router.post("/subscriptions/{subscription_id}/change-quantity", status_code=202)
    async def change_quantity(
        subscription_id: str,
        body: QuantityBody,
        scope: AnyScope,
        command: AnyCommand,
        expected: ExpectedVersion = None,
    ) -> BegunBody:
        _may_change(scope)
        return _begun(
            await use_cases.change_quantity(scope, subscription_id, body.quantity, command, expected=expected)
        )

    @router.post("/subscriptions/{subscription_id}/suspend", status_code=202)
    async def suspend(
        subscription_id: str, scope: AnyScope, command: AnyCommand, expected: ExpectedVersion = None
    ) -> BegunBody:
        _may_change(scope)
        return _begun(await use_cases.suspend(scope, subscription_id, command, expected=expected))

    @router.post("/subscriptions/{subscription_id}/reactivate", status_code=202)
    async def reactivate(
        subscription_id: str, scope: AnyScope, command: AnyCommand, expected: ExpectedVersion = None
    ) -> BegunBody:
        _may_change(scope)
        return _begun(await use_cases.reactivate(scope, subscription_id, command, expected=expected))

    @router.post("/subscriptions/{subscription_id}/cancel", status_code=202)
    async def cancel(
        subscription_id: str, scope: AnyScope, command: AnyCommand, expected: ExpectedVersion = None
    ) -> BegunBody:
        _may_change(scope)
        return _begun(await use_cases.cancel(scope, subscription_id, command, expected=expected))

    @router.post("/subscriptions/{subscription_id}/end-of-term", status_code=202)
    async def end_of_term(
        subscription_id: str,
        body: EndOfTermBody,
        scope: AnyScope,
        command: AnyCommand,
        expected: ExpectedVersion = None,
    ) -> BegunBody:
        _may_change(scope)
        return _begun(
            await use_cases.set_end_of_term(
                scope, subscription_id, body.end_of_term, command, expected=expected
            )
        )

    @router.post("/subscriptions/{subscription_id}/change-billing-start")
    async def change_billing_start(
        subscription_id: str,
        body: BillingStartBody,
        scope: AnyScope,
        command: AnyCommand,
        expected: ExpectedVersion = None,
    ) -> dict[str, Any]:
        if scope.is_customer or not scope.roles & _MAY_BILL:
            raise Problem("forbidden", "Your role does not allow changes to what is billed")
        return await billing_starts.change(
            scope, subscription_id, body.billing_from, command, expected=expected
        )

    @router.post("/subscriptions/{subscription_id}/labels")
    async def change_labels(
        subscription_id: str,
        body: LabelsBody,
        scope: AnyScope,
        command: AnyCommand,
        expected: ExpectedVersion = None,
    ) -> dict[str, Any]:
        if scope.is_customer:
            raise not_found("subscription")
        _may_change(scope)
        return await labels.change(scope, subscription_id, body.labels, command, expected=expected)

    @router.get("/subscriptions/{subscription_id}/gates")
    async def gates(subscription_id: str, scope: AnyScope, quantity: int) -> dict[str, Any]:
        return await use_cases.gates(scope, subscription_id, quantity)

    return router


def _may_change(scope: Scope) -> None:
    if not scope.roles & _MAY_CHANGE:
        raise Problem("forbidden", "Your role does not allow changes to subscriptions")


def _begun(begun: Begun) -> BegunBody:
    return BegunBody(operation_id=begun.operation_id, version=begun.version, is_replay=begun.is_replay)
