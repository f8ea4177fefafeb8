"""Writes charges: the one place that makes rows of the next invoice (PC 10.3, 10.4, 10.7)."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from csp_partner_center_simulator.rules.money import cut
from csp_partner_center_simulator.state.billing import Charge
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World

HOUR = 3600.0
DAY = 24 * HOUR
TERM_TEXTS = {
    ("P1M", "none"): "One-Month commitment for trial",
    ("P1M", "monthly"): "One-Month commitment for monthly billing",
    ("P1Y", "monthly"): "One-Year commitment for monthly/yearly billing",
    ("P1Y", "annual"): "One-Year commitment for yearly billing",
    ("P3Y", "monthly"): "Three-Year commitment for monthly billing",
    ("P3Y", "annual"): "Three-Year commitment for yearly billing",
    ("P3Y", "triennial"): "Three-Year commitment for upfront billing",
}
FREQUENCIES = {"monthly": "Monthly", "annual": "Annual", "triennial": "Triennial"}
TELEPHONY = Decimal("0.15")  # E5 bundles come as two lines of one product name (PC 10.4)


def write(
    world: World,
    one: Subscription,
    charge_type: str,
    start: date,
    end: date,
    *,
    quantity: int,
    amount: Decimal,
    effective: Decimal,
    reference: str = "",
    unit_price: Decimal | None = None,
) -> None:
    """Write one charge (E5: two) for a period whose end is inclusive."""
    unit = (one.list_price or one.unit_price) if unit_price is None else unit_price
    reference = reference or world.new_id("reference")
    if one.commerce == "nce" and _is_bundle_with_telephony(one):
        share = (amount * TELEPHONY).quantize(Decimal("0.01"))
        unit_share = (unit * TELEPHONY).quantize(Decimal("0.01"))
        effective_share = effective * TELEPHONY
        _row(world, one, charge_type, start, end, quantity, share, effective_share, reference, unit_share)
        amount, unit, effective = amount - share, unit - unit_share, effective - effective_share
    _row(world, one, charge_type, start, end, quantity, amount, effective, reference, unit)


def _is_bundle_with_telephony(one: Subscription) -> bool:
    name = one.offer_name
    return (
        "E5" in name.split()
        and "without Audio" not in name
        and name.startswith(("Microsoft 365", "Office 365"))
    )


def _row(
    world: World,
    one: Subscription,
    charge_type: str,
    start: date,
    end: date,
    quantity: int,
    amount: Decimal,
    effective: Decimal,
    reference: str,
    unit: Decimal,
) -> None:
    item = (
        world.catalogue.sku(one.product_id, one.sku_id)
        if one.commerce == "nce"
        else world.catalogue.offer(one.offer_id)
    )
    qualifiers = (*(("AddOn",) if one.is_addon else ()), *(("Trial",) if one.is_trial else ()))
    product = world.catalogue.products.get(one.product_id.lower(), [])
    world.charges.put(
        Charge(
            id=world.new_id("charge"),
            number=world.next_number(),
            partner_id=one.partner_id,
            customer_id=one.customer_id,
            subscription_id=one.id,
            commerce=one.commerce,
            order_id=one.order_id,
            at=world.now,
            charge_type=charge_type,
            period_start=start,
            period_end=end,
            unit_price=unit,
            effective_unit_price=effective,
            quantity=quantity,
            amount=amount,
            tax=cut(_fraction(amount, world.profile.tax_percent)),
            currency=one.currency,
            reference_id=reference,
            product_id=one.product_id,
            sku_id=one.sku_id,
            availability_id=one.availability_id,
            product_name=product[0].title if product else one.offer_name,
            sku_name=item.title if item else one.offer_name,
            term_text=TERM_TEXTS.get((one.term, one.billing_cycle), ""),
            billing_frequency=FREQUENCIES.get(one.billing_cycle, ""),
            promotion_id=one.promotion_id,
            qualifiers=qualifiers,
            subscription_start=one.term_start.date(),
            subscription_end=one.term_end,
            subscription_name=one.friendly_name,
            visible_at=world.now + world.delay("unbilled", DAY, 7 * DAY),
            reseller_mpn=one.reseller_mpn,
            offer_id=one.offer_id,
        )
    )


def _fraction(amount: Decimal, percent: int) -> Fraction:
    return Fraction(amount) * percent / 100
