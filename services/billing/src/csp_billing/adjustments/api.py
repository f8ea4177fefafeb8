"""The internal edge of adjustments by hand: granted and listed by the reseller; customers see them in their reports."""

from datetime import datetime
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from csp_billing.adjustments.granting import Wish, adjustments_json, find_link, grant
from csp_billing.invoices.api import Decider, Staff
from csp_billing.ports import Books
from csp_contracts.ids import Kind, named_id
from csp_runtime.clock import Clock
from csp_runtime.commands import command_meta
from csp_runtime.http import AnyCommand, Command
from csp_runtime.once import do_once
from csp_runtime.problems import not_found
from csp_runtime.scope import Scope

TEXT = r'^[^"\\\x00-\x1f]*$'
"""What can stand in every form of a report without being quoted."""


class MoneyBody(BaseModel):
    """Decimal text and its currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: str = Field(pattern=r"^-?\d{1,12}(\.\d{1,4})?$", max_length=20)
    currency: str = Field(pattern="^[A-Z]{3}$")


class AdjustmentBody(BaseModel):
    """A credit (below zero) or a charge; `text` is read by the customer and must not name a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subscription_id: str = Field(max_length=100)
    amount: MoneyBody
    text: str = Field(min_length=1, max_length=200, pattern=TEXT)
    line_id: str | None = Field(None, max_length=100)


def adjustment_routes(books: Books, clock: Clock) -> APIRouter:
    """The routes of adjustments."""
    router = APIRouter(prefix="/internal/v1")

    @router.post("/adjustments", status_code=201)
    async def create(body: AdjustmentBody, scope: Decider, command: AnyCommand) -> dict[str, Any]:
        wish = Wish(
            subscription_id=body.subscription_id,
            amount=body.amount.amount,
            currency=body.amount.currency,
            text=body.text,
            line_id=body.line_id,
        )
        return await granted(books, clock, scope, wish, command)

    @router.get("/adjustments")
    async def adjustments(
        scope: Staff,
        customer_id: str | None = None,
        subscription_id: str | None = None,
        after_at: AwareDatetime | None = None,
        after_id: str | None = None,
        limit: Annotated[int, Query(ge=1, le=501)] = 50,
    ) -> list[dict[str, Any]]:
        after: tuple[datetime, str] | None = None
        if after_at is not None and after_id is not None:
            after = (after_at, after_id)
        return await books.run(
            lambda connection: adjustments_json(
                connection,
                scope.reseller,
                customer_id=customer_id,
                subscription_id=subscription_id,
                after=after,
                limit=limit,
            )
        )

    @router.get("/adjustments/{adjustment_id}")
    async def adjustment(adjustment_id: str, scope: Staff) -> dict[str, Any]:
        found = await books.run(
            lambda connection: adjustments_json(
                connection,
                scope.reseller,
                customer_id=None,
                subscription_id=None,
                adjustment_id=adjustment_id,
            )
        )
        if not found:
            raise not_found("adjustment")
        return found[0]

    return router


async def granted(books: Books, clock: Clock, scope: Scope, wish: Wish, command: Command) -> dict[str, Any]:
    """Grant an adjustment once for the command's key. Raises `Problem` as `grant` does."""
    now = clock.now()
    adjustment_id = named_id(Kind.ADJUSTMENT, scope.reseller, f"{command.caller}/{command.key}")
    meta = command_meta(scope, command, now, partition_key=wish.subscription_id)

    def act(connection: psycopg.Connection) -> dict[str, Any]:
        def known() -> list[dict[str, Any]]:
            return adjustments_json(
                connection,
                scope.reseller,
                customer_id=None,
                subscription_id=None,
                adjustment_id=adjustment_id,
            )

        # Two credits of one line must not both find it open.
        connection.execute("select pg_advisory_lock(hashtextextended(%s, 16))", [wish.subscription_id])
        try:
            link = None
            if wish.line_id is not None and not known():
                link = find_link(connection, scope.reseller, wish, wish.line_id, now.date())

            def once() -> dict[str, Any]:
                grant(connection, books.schema, adjustment_id, wish, link, meta)
                return {"id": adjustment_id}

            do_once(connection, command, now, once)
        finally:
            connection.execute("select pg_advisory_unlock(hashtextextended(%s, 16))", [wish.subscription_id])
        (found,) = known()
        return found

    return await books.run(act)
