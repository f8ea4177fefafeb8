"""Orders and subscriptions, on both surfaces."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from csp_gateway.adapters.owners import Caller
from csp_gateway.adapters.screens import Row
from csp_gateway.domain import etag, money
from csp_gateway.models import (
    ChangeQuantity,
    EndOfTerm,
    HistoryEntry,
    ListOf,
    NewOrder,
    Operation,
    Preview,
    ResellerSubscription,
    Subscription,
)
from csp_gateway.surfaces.common import (
    IfMatch,
    Parts,
    Prefer,
    UseCaller,
    UsePage,
    UseParts,
    Waited,
    answer_operation,
    customer_scope,
    list_meta,
    problems,
    reseller_scope,
    version_of,
)
from csp_runtime.http import AnyCommand, Command
from csp_runtime.problems import not_found
from csp_runtime.scope import Scope

CHANGED: dict[int | str, dict[str, Any]] = {200: {"model": Operation}, **problems(400, 404, 409, 412)}


def routes(surface: str, *, with_cost: bool) -> APIRouter:
    """The routes of one surface; only the reseller's shows cost and margin."""
    router = APIRouter(tags=["orders and subscriptions"])
    who = reseller_scope if with_cost else customer_scope
    scoped = Depends(who)
    model: type[Subscription] = ResellerSubscription if with_cost else Subscription
    view: Callable[[Row], Subscription] = reseller_subscription if with_cost else subscription

    @router.post("/orders", status_code=202, responses=CHANGED, operation_id="create_order")
    async def create_order(
        body: NewOrder,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        scope: Scope = scoped,
        prefer: Prefer = None,
    ) -> Operation:
        """Buy: several lines are one purchase. The price is that of the accepted quote, else of the list now."""
        begun = await parts.owners.command("subscriptions", "/orders", caller, command, body.model_dump())
        return await answer_operation(parts, scope, begun, prefer, response, surface)

    @router.get(
        "/subscriptions",
        responses=problems(),
        operation_id="list_subscriptions",
        dependencies=[Waited],
        response_model=ListOf[model],  # type: ignore[valid-type]  # one of the two models
    )
    async def list_subscriptions(
        request: Request,
        parts: UseParts,
        page: UsePage,
        scope: Scope = scoped,
        customer_id: Annotated[str | None, Query(alias="filter[customer_id]")] = None,
        tenant_id: Annotated[str | None, Query(alias="filter[tenant_id]")] = None,
        status: Annotated[str | None, Query(alias="filter[status]")] = None,
        microsoft_id: Annotated[
            str | None, Query(alias="filter[external_refs.microsoft_subscription_id]")
        ] = None,
    ) -> ListOf[Any]:
        """Subscriptions by product, with seats owned and consumed."""
        filters = {
            "customer_id": customer_id,
            "tenant_id": tenant_id,
            "status": status,
            "microsoft_subscription_id": microsoft_id,
        }
        rows, cursor = await parts.screens.page(
            scope, "subscriptions", ["product_title", "subscription_id"], filters, page
        )
        return ListOf(data=[view(row) for row in rows], meta=list_meta(request, parts, page, cursor))

    @router.get(
        "/subscriptions/{subscription_id}",
        responses=problems(404),
        operation_id="get_subscription",
        dependencies=[Waited],
        response_model=model,
    )
    async def get_subscription(
        subscription_id: str, parts: UseParts, response: Response, scope: Scope = scoped
    ) -> Subscription:
        """One subscription."""
        row = await _row(parts, scope, subscription_id)
        response.headers["ETag"] = etag(row)
        return view(row)

    @router.get(
        "/subscriptions/{subscription_id}/history",
        responses=problems(404),
        operation_id="get_subscription_history",
        dependencies=[Waited],
    )
    async def history(subscription_id: str, parts: UseParts, scope: Scope = scoped) -> list[HistoryEntry]:
        """Who did what, when, why, and what it was before."""
        await _row(parts, scope, subscription_id)
        rows = await parts.screens.history(scope, subscription_id)
        return [HistoryEntry.model_validate({**row, "what": row["what"].replace("-", "_")}) for row in rows]

    @router.post(
        "/subscriptions/{subscription_id}/change-previews",
        responses=problems(404),
        operation_id="preview_change",
    )
    async def preview(
        subscription_id: str,
        body: ChangeQuantity,
        caller: UseCaller,
        parts: UseParts,
        scope: Scope = scoped,
    ) -> Preview:
        """What another quantity would do: whether it is allowed, until or from when, and what it costs."""
        row = await _row(parts, scope, subscription_id)
        return await _preview(parts, caller, row, body.quantity)

    @router.post(
        "/subscriptions/{subscription_id}/change-quantity",
        status_code=202,
        responses=CHANGED,
        operation_id="change_quantity",
    )
    async def change_quantity(
        subscription_id: str,
        body: ChangeQuantity,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        scope: Scope = scoped,
        if_match: IfMatch = None,
        prefer: Prefer = None,
    ) -> Operation:
        """Seats owned become `quantity`. New commerce: fewer only inside the 7-day window of the seats."""
        begun = await _command(
            parts, caller, command, subscription_id, "change-quantity", {"quantity": body.quantity}, if_match
        )
        return await answer_operation(parts, scope, begun, prefer, response, surface)

    def action(name: str, operation_id: str, description: str) -> None:
        async def act(
            subscription_id: str,
            command: AnyCommand,
            caller: UseCaller,
            parts: UseParts,
            response: Response,
            scope: Scope = scoped,
            if_match: IfMatch = None,
            prefer: Prefer = None,
        ) -> Operation:
            begun = await _command(parts, caller, command, subscription_id, name, {}, if_match)
            return await answer_operation(parts, scope, begun, prefer, response, surface)

        router.add_api_route(
            f"/subscriptions/{{subscription_id}}/{name}",
            act,
            methods=["POST"],
            status_code=202,
            responses=CHANGED,
            operation_id=operation_id,
            description=description,
            response_model=Operation,
        )

    action(
        "suspend", "suspend_subscription", "Users lose access. Legacy stops billing, new commerce does not."
    )
    action("reactivate", "reactivate_subscription", "A suspended subscription becomes active again.")
    action(
        "cancel",
        "cancel_subscription",
        "End it for good; new commerce only within 7 days of purchase or renewal.",
    )

    @router.post(
        "/subscriptions/{subscription_id}/end-of-term",
        status_code=202,
        responses=CHANGED,
        operation_id="set_end_of_term",
    )
    async def end_of_term(
        subscription_id: str,
        body: EndOfTerm,
        command: AnyCommand,
        caller: UseCaller,
        parts: UseParts,
        response: Response,
        scope: Scope = scoped,
        if_match: IfMatch = None,
        prefer: Prefer = None,
    ) -> Operation:
        """Whether the subscription renews or ends with its term."""
        begun = await _command(
            parts, caller, command, subscription_id, "end-of-term", body.model_dump(), if_match
        )
        return await answer_operation(parts, scope, begun, prefer, response, surface)

    return router


async def _row(parts: Parts, scope: Scope, subscription_id: str) -> Row:
    row = await parts.screens.one(scope, "subscriptions", "subscription_id", subscription_id)
    if row is None:
        raise not_found("subscription")
    return row


async def _command(
    parts: Parts,
    caller: Caller,
    command: Command,
    subscription_id: str,
    name: str,
    body: dict[str, Any],
    if_match: str | None,
) -> dict[str, Any]:
    begun: dict[str, Any] = await parts.owners.command(
        "subscriptions",
        f"/subscriptions/{subscription_id}/{name}",
        caller,
        command,
        body,
        expected=version_of(if_match),
    )
    return begun


async def _preview(parts: Parts, caller: Caller, row: Row, quantity: int) -> Preview:
    """Gates from subscriptions, lines from billing's what-if; the price is the one that is locked."""
    subscription_id = row["subscription_id"]
    gates = await parts.owners.get(
        "subscriptions", f"/subscriptions/{subscription_id}/gates", caller, quantity=quantity
    )
    lines: list[dict[str, Any]] = []
    if gates["allowed"]:
        what_if = {"subscription_id": subscription_id, "quantity": quantity}
        lines = (await parts.owners.ask("billing", "/what-ifs", caller, what_if))["lines"]
    unit, currency = row["unit_price_micro"], row["currency"]
    return Preview.model_validate(
        {
            **{
                name: gates[name]
                for name in (
                    "allowed",
                    "code",
                    "reason",
                    "allowed_from",
                    "allowed_until",
                    "refund",
                    "current_quantity",
                    "wanted_quantity",
                )
            },
            "current_cycle_amount": money(None if unit is None else unit * row["quantity"], currency),
            "new_cycle_amount": money(None if unit is None else unit * quantity, currency),
            "lines": lines,
            "approval_needed": False,
        }
    )


def subscription(row: Row) -> Subscription:
    """A subscription as its customer sees it."""
    return Subscription.model_validate(_shown(row))


def reseller_subscription(row: Row) -> ResellerSubscription:
    """With cost and margin."""
    sell, cost = row["unit_price_micro"], row["unit_cost_micro"]
    margin = None if sell is None or cost is None else sell - cost
    return ResellerSubscription.model_validate(
        {
            **_shown(row),
            "cost": money(cost, row["currency"]),
            "margin": money(margin, row["currency"]),
        }
    )


def _shown(row: Row) -> dict[str, Any]:
    same = (
        "customer_id",
        "tenant_id",
        "product",
        "product_title",
        "commerce",
        "term",
        "charge_cycle",
        "quantity",
        "consumed",
        "consumed_is_shared",
        "status",
        "renews_on",
        "commitment_ends_on",
        "seat_lots",
        "scheduled_quantity",
        "origin",
        "started_at",
        "version",
        "updated_at",
    )
    return {
        **{name: row[name] for name in same},
        "id": row["subscription_id"],
        "name": row["friendly_name"] or row["product_title"],
        "end_of_term": "renew" if row["auto_renew"] else "cancel",
        "price": money(row["unit_price_micro"], row["currency"]),
        "external_refs": {"microsoft_subscription_id": row["microsoft_subscription_id"]},
    }
