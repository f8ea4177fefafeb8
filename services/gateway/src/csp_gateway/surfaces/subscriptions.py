"""Orders and subscriptions, on both surfaces."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from csp_gateway.adapters.asking import SortKey
from csp_gateway.adapters.owners import Caller
from csp_gateway.adapters.screens import (
    CUSTOMERS,
    HISTORY,
    SUBSCRIPTIONS,
    SUBSCRIPTIONS_WITH_COST,
    TENANTS,
    Row,
)
from csp_gateway.domain import money
from csp_gateway.models.base import Body, ListOf
from csp_gateway.models.labels import LABELS_ARE, Labelled, LabelsPatch
from csp_gateway.models.subscriptions import (
    BillingStartChanged,
    ChangeBillingStart,
    ChangeQuantity,
    EndOfTerm,
    HistoryEntry,
    NewOrder,
    Preview,
    ResellerSubscription,
    ResellerSubscriptions,
    Subscription,
    Subscriptions,
)
from csp_gateway.surfaces.answers import answer_row
from csp_gateway.surfaces.changes import add_change
from csp_gateway.surfaces.commands import add_command
from csp_gateway.surfaces.common import Parts, Reading, Surface, UseCaller, row_of
from csp_gateway.surfaces.documented import ONE, ONE_ASKED, WAITS, problems
from csp_gateway.surfaces.filters import CYCLES, Filter, day, moment, number, searched, text, truth
from csp_gateway.surfaces.listing import TOTAL_ESTIMATE, Listing, Sorts
from csp_gateway.surfaces.lists import Included, answer_screen

OWNER = "subscriptions"
_FILTERS: tuple[Filter, ...] = (
    text("id", column="subscription_id"),
    text("customer_id"),
    text("tenant_id"),
    text("status"),
    text("external_refs.microsoft_subscription_id", column="microsoft_subscription_id"),
    text("product"),
    searched("product_title"),
    text("commerce"),
    text("term", choices=CYCLES),
    text("charge_cycle", choices=CYCLES),
    text("origin"),
    number("quantity"),
    day("renews_on"),
    day("commitment_ends_on"),
    searched("name", column="coalesce(nullif(friendly_name, ''), product_title)"),
    number("consumed"),
    truth("consumed_is_shared"),
    text(
        "end_of_term",
        choices=("renew", "cancel"),
        column="case when auto_renew then 'renew' else 'cancel' end",
    ),
    number("scheduled_quantity"),
    number("version"),
    moment("started_at"),
    moment("created_at"),
    moment("updated_at"),
)
_SORTS: Sorts = {
    "product_title": SortKey("product_title", "text"),
    "status": SortKey("status", "text"),
    "quantity": SortKey("quantity", "bigint"),
    "consumed": SortKey("coalesce(consumed, -1)", "bigint"),
    # What has no such day comes last in ascending order.
    "renews_on": SortKey("coalesce(renews_on, 'infinity')", "date"),
    "commitment_ends_on": SortKey("coalesce(commitment_ends_on, 'infinity')", "date"),
    "started_at": SortKey("started_at", "timestamptz"),
    "created_at": SortKey("created_at", "timestamptz"),
    "updated_at": SortKey("updated_at", "timestamptz"),
}
_TENANT: Included = {"tenant": ("tenant_id", TENANTS)}
_TENANT_AND_CUSTOMER: Included = {**_TENANT, "customer": ("customer_id", CUSTOMERS)}
HISTORY_LIST = Listing(
    (
        text("what", column="replace(what, '-', '_')"),
        text("origin"),
        text("actor"),
        moment("effective_at"),
        moment("recorded_at"),
        number("version"),
        text("reason"),
        text("ticket"),
        truth("superseded"),
    ),
    model=HistoryEntry,
    goes_back=True,
)


def routes(surface: Surface) -> APIRouter:
    """The routes of one surface; only the reseller's shows cost and margin."""
    router = APIRouter(tags=["orders and subscriptions"])
    _add_reads(router, surface)
    _add_commands(router, surface)
    if surface.with_cost:
        add_change(
            router,
            surface,
            "/subscriptions/{subscription_id}/change-billing-start",
            owner=OWNER,
            operation_id="change_billing_start",
            description=(
                "Bill a subscription that the first synchronisation found from another UTC day on, at the price of that day. "
                "Issued reports stay; what changes for days they show posts in the next open one."
            ),
            body=ChangeBillingStart,
            model=BillingStartChanged,
            versions=lambda found: {found["stream"]: found["version"]},
            if_match="taken",
        )
        add_change(
            router,
            surface,
            "/subscriptions/{subscription_id}",
            method="PATCH",
            owner=OWNER,
            owner_path="/subscriptions/{subscription_id}/labels",
            operation_id="label_subscription",
            description=LABELS_ARE,
            body=LabelsPatch,
            model=Labelled,
            versions=lambda found: {found["id"]: found["version"]},
            if_match="taken",
        )
    return router


def _add_reads(router: APIRouter, surface: Surface) -> None:
    reads = Depends(surface.reading)
    model = ResellerSubscription if surface.with_cost else Subscription
    screen = SUBSCRIPTIONS_WITH_COST if surface.with_cost else SUBSCRIPTIONS

    included = _TENANT_AND_CUSTOMER if surface.with_cost else _TENANT
    listing = Listing(
        (*_FILTERS, day("billing_from")) if surface.with_cost else _FILTERS,
        sorts=_SORTS,
        includes=(TOTAL_ESTIMATE, *included),
        model=model,
        goes_back=True,
        is_labelled=surface.with_cost,
    )

    @router.get(
        "/subscriptions",
        responses=problems(),
        openapi_extra=listing.documented,
        operation_id="list_subscriptions",
        response_model=ResellerSubscriptions if surface.with_cost else Subscriptions,
    )
    async def list_subscriptions(request: Request, read: Reading = reads) -> Response:
        """Subscriptions by product, with seats owned and consumed."""
        return await answer_screen(request, read, screen, listing, included)

    @router.get(
        "/subscriptions/{subscription_id}",
        responses=ONE,
        openapi_extra=ONE_ASKED,
        operation_id="get_subscription",
        response_model=model,
    )
    async def get_subscription(subscription_id: str, request: Request, read: Reading = reads) -> Response:
        """One subscription."""
        return answer_row(request, await row_of(read, screen, subscription_id, "subscription"))

    @router.get(
        "/subscriptions/{subscription_id}/history",
        responses=problems(404),
        openapi_extra=HISTORY_LIST.documented,
        operation_id="get_subscription_history",
        response_model=ListOf[HistoryEntry],
    )
    async def history(subscription_id: str, request: Request, read: Reading = reads) -> Response:
        """Who did what, when, why, and what it was before: in order of what became true when."""
        await row_of(read, screen, subscription_id, "subscription")
        return await answer_screen(request, read, HISTORY, HISTORY_LIST, subscription_id=subscription_id)

    @router.post(
        "/subscriptions/{subscription_id}/change-previews",
        responses=problems(404),
        openapi_extra=WAITS,
        operation_id="preview_change",
    )
    async def preview(
        subscription_id: str,
        body: ChangeQuantity,
        caller: UseCaller,
        read: Reading = reads,
    ) -> Preview:
        """What another quantity would do: whether it is allowed, until or from when, and what it costs."""
        row = await row_of(read, screen, subscription_id, "subscription")
        return await _preview(read.parts, caller, row, body.quantity)


def _add_commands(router: APIRouter, surface: Surface) -> None:
    add_command(
        router,
        surface,
        "/orders",
        owner=OWNER,
        operation_id="create_order",
        description="Buy: several lines are one purchase. The price is that of the accepted quote, else of the list now.",
        body=NewOrder,
    )
    changes: tuple[tuple[str, str, type[Body] | None, str], ...] = (
        (
            "change-quantity",
            "change_quantity",
            ChangeQuantity,
            "Seats owned become `quantity`. New commerce: fewer only inside the 7-day window of the seats.",
        ),
        (
            "suspend",
            "suspend_subscription",
            None,
            "Users lose access. Legacy stops billing, new commerce does not.",
        ),
        ("reactivate", "reactivate_subscription", None, "A suspended subscription becomes active again."),
        (
            "cancel",
            "cancel_subscription",
            None,
            "End it for good; new commerce only within 7 days of purchase or renewal.",
        ),
        (
            "end-of-term",
            "set_end_of_term",
            EndOfTerm,
            "Whether the subscription renews or ends with its term.",
        ),
    )
    for name, operation_id, body, description in changes:
        add_command(
            router,
            surface,
            f"/subscriptions/{{subscription_id}}/{name}",
            owner=OWNER,
            operation_id=operation_id,
            description=description,
            body=body,
            takes_if_match=True,
        )


async def _preview(parts: Parts, caller: Caller, row: Row, quantity: int) -> Preview:
    """Gates from subscriptions, lines from billing's what-if; the price is the one that is locked."""
    subscription_id = row["subscription_id"]
    gates = await parts.owners.get(
        "subscriptions", f"/subscriptions/{subscription_id}/gates", caller, quantity=quantity
    )
    if gates["allowed"]:
        gates |= await _range(parts, caller, row, quantity)
    lines: list[dict[str, Any]] = []
    if gates["allowed"]:
        what_if = {"subscription_id": subscription_id, "quantity": quantity}
        lines = (await parts.owners.ask("billing", "/what-ifs", caller, what_if))["lines"]
    unit, currency = row["unit_price_micro"], row["currency"]
    return Preview.model_validate(
        {
            "code": None if gates["code"] is None else gates["code"].replace("-", "_"),
            **{
                name: gates[name]
                for name in (
                    "allowed",
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


async def _range(parts: Parts, caller: Caller, row: Row, quantity: int) -> dict[str, Any]:
    """What the catalogue says against a quantity: seats are not added above its most, nor taken below its least."""
    sold = {name: row[name] for name in ("product", "term", "charge_cycle") if row[name]}
    found = await parts.owners.get("pricing", "/products", caller, **sold, limit=1)
    if not found:
        return {}
    least, most = found[0]["minimum_quantity"], found[0]["maximum_quantity"]
    is_above = quantity > row["quantity"] and most is not None and quantity > most
    is_below = quantity < row["quantity"] and least is not None and quantity < least
    if not (is_above or is_below):
        return {}
    return {
        "allowed": False,
        "code": "quantity-out-of-range",
        "reason": f"The offer is sold for {least} to {most} seats",
    }
