"""What a line costs the partner today (PC 5.1, 11)."""

from datetime import date
from decimal import Decimal

from csp_partner_center_simulator.catalogue import prices
from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.rules.money import to_cents
from csp_partner_center_simulator.rules.terms import charges_in_term
from csp_partner_center_simulator.state.orders import Pricing


def quote(
    item: Item,
    *,
    term: str,
    cycle: str,
    quantity: int,
    currency: str,
    day: date,
    discount: Decimal = Decimal(0),
    share_of_first_cycle: tuple[int, int] = (1, 1),
) -> Pricing:
    """Price one line: per unit and charge; `extendedPrice` covers quantity and all charges of the term."""
    listed = prices.list_price(item, term, cycle, currency, day)
    discounted = to_cents(listed * (1 - discount))
    days, of_days = share_of_first_cycle
    prorated = to_cents(discounted * days / of_days)
    return Pricing(
        list_price=listed,
        discounted_price=discounted,
        prorated_price=prorated,
        price=prorated,
        extended_price=discounted * quantity * charges_in_term(term or "P1Y", cycle),
    )
