"""Purchase and retail prices: no part of the catalogue's answers, only of carts and price sheets (PC 11)."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from csp_partner_center_simulator.catalogue.catalogue import Item

CENT = Decimal("0.01")
PARTNER_SHARE = Decimal("0.8")  # the published sheet row: 115.20 for the partner, 144.00 at retail
MONTHLY_TERM = Decimal("1.2")  # the published cart: 30.40 on a year's term, 36.48 on a month's
MONTHLY_PLAN = Decimal("1.05")  # annual and triennial terms billed monthly, since April 2025
RATES = {
    "USD": Decimal(1),
    "EUR": Decimal("0.93"),
    "GBP": Decimal("0.82"),
    "CHF": Decimal("0.95"),
    "SEK": Decimal("10.5"),
    "NOK": Decimal("10.9"),
    "DKK": Decimal("6.95"),
    "CAD": Decimal("1.36"),
    "AUD": Decimal("1.52"),
    "JPY": Decimal(150),
}
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "$", "AUD": "$"}
MONTHS = {"P1M": 1, "P1Y": 12, "P3Y": 36}
CYCLE_MONTHS = {"monthly": 1, "annual": 12, "triennial": 36}


def currency_symbol(currency: str) -> str:
    """Give the symbol Partner Center prints; where it has none, the code itself."""
    return SYMBOLS.get(currency, currency)


def list_price(item: Item, term: str, cycle: str, currency: str, day: date) -> Decimal:
    """Give the partner's price of one seat for one charge of that billing plan (PC 11.2)."""
    return _charge(item, term, cycle, currency, day, PARTNER_SHARE)


def retail_price(item: Item, term: str, cycle: str, currency: str, day: date) -> Decimal:
    """Give the estimated retail price of the same (`ERP Price`)."""
    return _charge(item, term, cycle, currency, day, Decimal(1))


def _charge(item: Item, term: str, cycle: str, currency: str, day: date, share: Decimal) -> Decimal:
    if item.is_trial or cycle == "none":
        return Decimal(0)
    month = (item.monthly_usd * _rise(item, day) * RATES[currency] * share).quantize(CENT, ROUND_HALF_UP)
    if cycle == "monthly":
        if item.commerce == "legacy":
            return month
        factor = MONTHLY_TERM if term == "P1M" else MONTHLY_PLAN
        return (month * factor).quantize(CENT, ROUND_HALF_UP)
    return month * CYCLE_MONTHS[cycle]


def _rise(item: Item, day: date) -> Decimal:
    # Every fourth product grows dearer by 3 % each July from 2027 on, so that price changes can be seen.
    if sum(map(ord, item.product_id)) % 4:
        return Decimal(1)
    return 1 + Decimal("0.03") * max(0, day.year - 2026 - (1 if day.month < 7 else 0))
