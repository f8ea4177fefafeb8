"""Use cases: what a caller may ask of orders and subscriptions. Load, decide, begin the operation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from csp_commerce_rules.seat_lots import Permission
from csp_contracts.envelope import Meta, Origin
from csp_runtime.clock import Clock
from csp_runtime.commands import command_meta, key_of
from csp_runtime.http import Command
from csp_runtime.operations import Beginning, Operations
from csp_runtime.operations.beginning import Begun
from csp_runtime.problems import Problem, invalid, not_found, stale
from csp_runtime.scope import Scope
from csp_runtime.store import EventStore
from csp_subscriptions.domain.changed import changed_since
from csp_subscriptions.domain.errors import SubscriptionRefusal
from csp_subscriptions.domain.subscription import (
    Subscription,
    check_cancel,
    check_change_quantity,
    check_reactivate,
    check_suspend,
    fold,
)
from csp_subscriptions.ports import Quote, Quotes, Tenant, Tenants

CONTEXT = "subscriptions"
Check = Callable[[Subscription], Permission | None]
"""A gate of the rule set; what it allows may end at a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One wish: a product for a term, a number of seats, and the quote that was accepted for it, if any."""

    product: str
    quantity: int
    term: str
    charge_cycle: str
    quote_id: str | None = None
    friendly_name: str | None = None


class SubscriptionUseCases:
    """Commands and gates of this context."""

    def __init__(
        self, *, store: EventStore, tenants: Tenants, operations: Operations, quotes: Quotes, clock: Clock
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._operations = operations
        self._quotes = quotes
        self._clock = clock

    async def order(
        self, scope: Scope, tenant_id: str, lines: Sequence[OrderLine], command: Command
    ) -> Begun:
        """Buy; every line is checked before anything begins.

        Raises a `Problem`: `not-found`, `validation`, `quantity-out-of-range`, `price-changed`, `quote-expired`,
        `price-missing` (customers cannot buy what has no price).
        """
        tenant = await self._tenant(scope, tenant_id)
        quotes = [await self._quote(scope, tenant, line, number) for number, line in enumerate(lines)]
        if len({quote.commerce for quote in quotes}) > 1:
            raise invalid(
                "lines", "one_commerce", "legacy and new-commerce products need orders of their own"
            )
        target = {
            "tenant_id": tenant.tenant_id,
            "microsoft_tenant_id": tenant.microsoft_tenant_id,
            "country": tenant.country,
            "lines": [_target_line(line, quote) for line, quote in zip(lines, quotes, strict=True)],
        }
        now = self._clock.now()
        return await self._operations.begin(
            Beginning(
                kind="order.create",
                context=CONTEXT,
                target=target,
                meta=self._meta(scope, tenant, command, now),
                match_keys=[f"{tenant.microsoft_tenant_id}/{quote.product}".lower() for quote in quotes],
            ),
            key=key_of(command, now),
            now=now,
        )

    async def change_quantity(
        self, scope: Scope, subscription_id: str, quantity: int, command: Command, *, expected: int | None
    ) -> Begun:
        """Seats owned become `quantity`; the gates of the rule set are asked first (rulebook 8.1)."""
        return await self._change(
            scope,
            subscription_id,
            "subscription.change_quantity",
            {"quantity": quantity},
            command,
            lambda state: check_change_quantity(state, quantity, self._clock.now()),
            expected,
        )

    async def suspend(
        self, scope: Scope, subscription_id: str, command: Command, *, expected: int | None
    ) -> Begun:
        """Legacy stops billing, new commerce does not."""
        return await self._change(
            scope, subscription_id, "subscription.suspend", {}, command, check_suspend, expected
        )

    async def reactivate(
        self, scope: Scope, subscription_id: str, command: Command, *, expected: int | None
    ) -> Begun:
        """Active again."""
        return await self._change(
            scope, subscription_id, "subscription.reactivate", {}, command, check_reactivate, expected
        )

    async def cancel(
        self, scope: Scope, subscription_id: str, command: Command, *, expected: int | None
    ) -> Begun:
        """Inside the window only."""
        return await self._change(
            scope,
            subscription_id,
            "subscription.cancel",
            {},
            command,
            lambda state: check_cancel(state, self._clock.now()),
            expected,
        )

    async def set_end_of_term(
        self, scope: Scope, subscription_id: str, choice: str, command: Command, *, expected: int | None
    ) -> Begun:
        """`renew` or `cancel`."""
        return await self._change(
            scope,
            subscription_id,
            "subscription.set_end_of_term",
            {"end_of_term": choice},
            command,
            lambda _: None,
            expected,
        )

    async def gates(self, scope: Scope, subscription_id: str, quantity: int) -> dict[str, Any]:
        """The gate of a quantity change, for a preview: allowed or not, until when, from when."""
        state = await self.subscription(scope, subscription_id)
        now = self._clock.now()
        base = {"current_quantity": state.quantity, "wanted_quantity": quantity, "version": state.version}
        try:
            permission = check_change_quantity(state, quantity, now)
        except SubscriptionRefusal as refusal:
            return {
                **base,
                "allowed": False,
                "code": refusal.code,
                "reason": refusal.title,
                "allowed_from": refusal.details.get("allowed_from"),
                "allowed_until": None,
                "refund": "none",
            }
        return {
            **base,
            "allowed": True,
            "code": None,
            "reason": None,
            "allowed_from": None,
            "allowed_until": None if permission.until is None else permission.until.isoformat(),
            "refund": permission.refund,
        }

    async def subscription(self, scope: Scope, subscription_id: str) -> Subscription:
        """The subscription, if it lies inside the scope; a `Problem` of type `not-found` otherwise."""
        state = fold(await self._store.load(subscription_id))
        if state is None or state.reseller_id != scope.reseller:
            raise not_found("subscription")
        tenant = await self._tenants.visible(scope, state.tenant_id)
        if tenant is None:
            raise not_found("subscription")
        return state

    async def _change(
        self,
        scope: Scope,
        subscription_id: str,
        kind: str,
        wish: dict[str, Any],
        command: Command,
        check: Check,
        expected: int | None,
    ) -> Begun:
        state = await self.subscription(scope, subscription_id)
        tenant = await self._tenant(scope, state.tenant_id)
        now = self._clock.now()
        key = key_of(command, now)
        # A repeated command is answered before its gates, which the first one may have closed.
        found, deadline_at = self._store.answer_to(key.caller, key.key), None
        if found is None:
            if expected is not None and expected != state.version:
                changed = changed_since(await self._store.load(state.id), expected)
                raise stale("subscription", state.version, changed)
            permission = _ask(scope, check, state)
            deadline_at = None if permission is None else permission.closes_at
        return await self._operations.begin(
            Beginning(
                kind=kind,
                context=CONTEXT,
                subject=state.id,
                base_version=state.version,
                deadline_at=deadline_at,
                target={
                    **wish,
                    "tenant_id": tenant.tenant_id,
                    "microsoft_tenant_id": tenant.microsoft_tenant_id,
                    "microsoft_subscription_id": state.microsoft_subscription_id,
                },
                meta=self._meta(scope, tenant, command, now),
            ),
            key=key,
            now=now,
        )

    async def _tenant(self, scope: Scope, tenant_id: str) -> Tenant:
        tenant = await self._tenants.visible(scope, tenant_id)
        if tenant is None:
            raise not_found("tenant")
        return tenant

    async def _quote(self, scope: Scope, tenant: Tenant, line: OrderLine, number: int) -> Quote:
        field = f"lines.{number}"
        if line.quote_id is not None:
            quote = await self._quotes.accepted(scope.reseller, line.quote_id)
            if (quote.customer_id, quote.product, quote.term, quote.charge_cycle) != (
                tenant.customer_id,
                line.product,
                line.term,
                line.charge_cycle,
            ):
                raise invalid(f"{field}.quote_id", "fits_the_line", "the quote is for something else")
            if quote.expires_at <= self._clock.now():
                raise Problem("quote-expired", "The quote has expired; ask for a new one")
        else:
            quote = await self._quotes.fresh(
                scope.reseller,
                customer=tenant.customer_id,
                product=line.product,
                term=line.term,
                charge_cycle=line.charge_cycle,
                quantity=line.quantity,
            )
        if line.quantity < quote.minimum_quantity or (
            quote.maximum_quantity is not None and line.quantity > quote.maximum_quantity
        ):
            raise Problem(
                "quantity-out-of-range",
                "The quantity is outside of what the offer allows",
                f"{field}.quantity must be between {quote.minimum_quantity} and {quote.maximum_quantity}",
            )
        if quote.unit_price_micro is None and scope.is_customer:
            raise Problem("price-missing", "There is no sales price for this product yet")
        return quote

    def _meta(self, scope: Scope, tenant: Tenant, command: Command, now: datetime) -> Meta:
        meta = command_meta(
            scope,
            command,
            now,
            partition_key=tenant.tenant_id,
            customer=tenant.customer_id,
            tenant=tenant.tenant_id,
        )
        # A service asks here for what a person has decided elsewhere; that is no act of the system's own.
        return meta if scope.is_customer else replace(meta, origin=Origin.API)


def _ask(scope: Scope, check: Check, state: Subscription) -> Permission | None:
    try:
        return check(state)
    except SubscriptionRefusal as refusal:
        extra = dict(refusal.details)
        if refusal.code == "cancellation-window-closed":
            surface = "/portal/v1" if scope.is_customer else "/v1"
            extra["alternatives"] = [
                {"action": "set_end_of_term", "href": f"{surface}/subscriptions/{state.id}/end-of-term"}
            ]
        raise Problem(refusal.code, refusal.title, extra=extra) from None


def _target_line(line: OrderLine, quote: Quote) -> dict[str, Any]:
    accepted = quote.accepted
    return {
        "product": quote.product,
        "product_title": quote.product_title,
        "commerce": quote.commerce,
        "segment": quote.segment,
        "term": line.term,
        "charge_cycle": line.charge_cycle,
        "quantity": line.quantity,
        "currency": quote.currency,
        "is_trial": quote.is_trial,
        "directory_sku_id": quote.directory_sku_id,
        "friendly_name": line.friendly_name,
        "quote": None
        if accepted is None
        else {
            "quote_id": accepted.quote_id,
            "currency": accepted.currency,
            "unit_price_micro": accepted.unit_price_micro,
            "price_ref": accepted.price_ref,
        },
    }
