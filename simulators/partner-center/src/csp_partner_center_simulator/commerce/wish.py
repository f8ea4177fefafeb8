"""A subscription as a caller wants it."""

from dataclasses import dataclass

from csp_partner_center_simulator.state.subscriptions import NextCharge, NextTerm


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A subscription as the caller wants it; what is left out of the body is already filled in here."""

    quantity: int
    status: str
    auto_renew: bool
    friendly_name: str
    billing_cycle: str
    term: str
    reseller_mpn: str
    next_term: NextTerm | None
    next_charge: NextCharge | None
