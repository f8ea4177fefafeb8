"""Makes invoices: legacy two days after the partner's billing day, New Commerce on the 6th to 8th (PC 10.1)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.billing import Charge, Invoice
from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.call import Actor

LEGACY_DELAY = timedelta(days=2)
NCE_DAY = 6
NCE_SPREAD = 2 * 24 * 3600.0
ADJUSTMENT = Decimal("-1.00")


def plan(world: World, partner: Partner) -> None:
    """Put the partner's next two invoice runs on the agenda."""
    _plan_legacy(world, partner, world.now.date())
    _plan_nce(world, partner, world.now.date())


def _plan_legacy(world: World, partner: Partner, after: date) -> None:
    run = _billing_day(partner, after) + LEGACY_DELAY
    if run <= after:
        run = _billing_day(partner, terms.add_months(after.replace(day=1), 1)) + LEGACY_DELAY
    world.later(
        terms.at_midnight(run), "invoice.legacy", ref=partner.id, partner_id=partner.id, at_once=False
    )


def _plan_nce(world: World, partner: Partner, after: date) -> None:
    run = after.replace(day=NCE_DAY)
    if run <= after:
        run = terms.add_months(after.replace(day=1), 1).replace(day=NCE_DAY)
    at = terms.at_midnight(run) + world.delay("invoice", 0, NCE_SPREAD)
    world.later(at, "invoice.nce", ref=partner.id, partner_id=partner.id, at_once=False)


def _billing_day(partner: Partner, month: date) -> date:
    return month.replace(day=min(partner.billing_day, terms.month_length(month)))


def legacy_due(world: World, task: Task) -> None:
    """Invoice what was recognised up to the billing day (agenda: `invoice.legacy`)."""
    partner = world.partners[task.partner_id]
    end = task.at.date() - LEGACY_DELAY
    start = _billing_day(partner, terms.add_months(end.replace(day=1), -1)) + terms.DAY
    _make(world, partner, "Recurring", start, end)
    _plan_legacy(world, partner, task.at.date())


def nce_due(world: World, task: Task) -> None:
    """Invoice the calendar month before (agenda: `invoice.nce`)."""
    partner = world.partners[task.partner_id]
    end = task.at.date().replace(day=1) - terms.DAY
    _make(world, partner, "OneTime", end.replace(day=1), end)
    _plan_nce(world, partner, task.at.date().replace(day=NCE_DAY + 2))


def unbilled(world: World, partner_id: str, commerce: str, until: datetime) -> list[Charge]:
    """Give the charges made before `until` that no invoice has yet, in the order of their making."""
    found = [
        one
        for one in world.charges.by("invoice", f"unbilled/{partner_id}")
        if one.commerce == commerce and one.at < until
    ]
    return sorted(found, key=lambda one: one.number)


def _make(
    world: World, partner: Partner, kind: Literal["Recurring", "OneTime"], start: date, end: date
) -> None:
    commerce = "legacy" if kind == "Recurring" else "nce"
    charges = unbilled(world, partner.id, commerce, terms.at_midnight(end + terms.DAY))
    if not charges:
        return
    total = sum((one.amount + one.tax for one in charges), Decimal(0))
    if world.profile.adjustment_without_line:
        total += ADJUSTMENT
    number = world.next_number()
    invoice = world.invoices.put(
        Invoice(
            id=f"D{number % 10**9:09d}" if kind == "Recurring" else f"G{number % 10**9:09d}",
            partner_id=partner.id,
            kind=kind,
            at=world.now,
            period_start=start,
            period_end=end,
            total=total,
            currency=partner.currency,
        )
    )
    for one in charges:
        world.charges.put(replace(one, invoice_id=invoice.id))
    audit = activity.record(
        world,
        Actor(partner_id=partner.id, application_id="BillingService", correlation_id=world.new_id("billing")),
        None,
        "invoice",
        "ready_invoice",
        data=(("InvoiceId", invoice.id),),
    )
    activity.announce(
        world, partner.id, "invoice-ready", "invoice", f"{activity.API_HOST}/v1/invoices/{invoice.id}", audit
    )


def void_and_replace(world: World, invoice: Invoice) -> Invoice:
    """Void an invoice and put a replacement with the same lines beside it (PC 10.2, 14.8)."""
    world.invoices.put(replace(invoice, document_type="void_note"))
    number = world.next_number()
    replacement = world.invoices.put(
        replace(
            invoice,
            id=f"{invoice.id[0]}{number % 10**9:09d}",
            at=world.now,
            document_type="adjustment_note",
            amends=invoice.id,
        )
    )
    for one in world.charges.by("invoice", invoice.id):
        world.charges.put(
            replace(one, id=world.new_id("charge"), number=world.next_number(), invoice_id=replacement.id)
        )
    activity.announce(
        world,
        invoice.partner_id,
        "invoice-ready",
        "invoice",
        f"{activity.API_HOST}/v1/invoices/{replacement.id}",
    )
    return replacement
