"""Invoices seen from behind: list them, void one and put a replacement beside it (PC 14.8)."""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from csp_partner_center_simulator.billing.invoicing import void_and_replace
from csp_partner_center_simulator.state.billing import Invoice
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.errors import ApiError

if TYPE_CHECKING:
    from csp_partner_center_simulator.simulator import Simulator


def router(simulator: "Simulator") -> APIRouter:
    """Build the routes."""
    routes = APIRouter()
    world = simulator.world

    def told(one: Invoice) -> dict[str, Any]:
        return {
            "invoice_id": one.id,
            "tenant_id": one.partner_id,
            "kind": one.kind,
            "at": instant(one.at),
            "period": [one.period_start.isoformat(), one.period_end.isoformat()],
            "total": str(one.total),
            "currency": one.currency,
            "document_type": one.document_type,
            "amends": one.amends or None,
            "lines": len(world.charges.by("invoice", one.id)),
        }

    @routes.get("/invoices")
    async def invoices(tenant_id: str | None = None) -> list[dict[str, Any]]:
        return [told(one) for one in world.invoices if tenant_id is None or one.partner_id == tenant_id]

    @routes.post("/invoices/{invoice_id}/void")
    async def void(invoice_id: str) -> dict[str, Any]:
        invoice = world.invoices.get(invoice_id)
        if invoice is None:
            raise ApiError(404, 404, f"There is no invoice {invoice_id[:40]}.")
        if invoice.document_type != "invoice":
            raise ApiError(409, 409, f"The invoice is a {invoice.document_type} already.")
        with world.transaction():
            return told(void_and_replace(world, invoice))

    return routes
