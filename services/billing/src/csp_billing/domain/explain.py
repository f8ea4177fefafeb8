"""Why a line has its amount: the stored fields as data, and the same as a sentence for a customer (section 15).

A rendering, never a second computation.
"""

from collections.abc import Mapping
from datetime import date

from csp_billing.domain.delta import Posting
from csp_commerce_rules.money import format_decimal, format_price

_BECAUSE: Mapping[str, str] = {
    "purchase": "because the subscription was bought",
    "cycle": "for the charge cycle, paid in advance",
    "renew": "because a new term began",
    "add_quantity": "because seats were added",
    "remove_quantity": "because seats were removed",
    "suspend": "because the subscription was suspended",
    "reactivate": "because the subscription was reactivated",
    "cancel": "because the subscription was cancelled",
    "convert_out": "because the product or plan was changed (old)",
    "convert_in": "because the product or plan was changed (new)",
    "price_correction": "because the price was corrected",
    "late_event": "because a change became known late",
    "anchor_change": "because the billing day was moved",
    "manual": "granted by hand",
}


def data(posting: Posting, digits: int) -> dict[str, object]:
    """Events, price row, rule and inputs of a line; amounts and prices as decimal text."""
    line = posting.line
    why: dict[str, object] = {
        "text": sentence(posting, digits),
        "rule": line.rule,
        "caused_by": list(line.caused_by),
        "price_ref": line.price_ref,
        "inputs": {
            "unit_price": None if line.unit_price is None else format_price(line.unit_price, digits),
            "quantity": line.quantity,
            "days": line.days,
            "of_days": line.of_days,
            "discount": format_decimal(line.discount, digits),
        },
        "key": str(line.key),
        "revision": posting.revision,
        "posted_on": _day(line.posted),
        "late": posting.late,
    }
    if line.reverses is not None:
        why["reverses"] = str(line.reverses)
    return why


def sentence(posting: Posting, digits: int) -> str:
    """One sentence that a customer understands, with the figures that made the amount."""
    line = posting.line
    price = "no price yet" if line.unit_price is None else format_price(line.unit_price, digits)
    seats = f"{line.quantity} seat" if line.quantity == 1 else f"{line.quantity} seats"
    period = f"{_day(line.start)} to {_day(line.end - 1)}"
    because = _BECAUSE[line.reason]
    if line.kind == "adjustment":
        text = f"Manual adjustment for {period}"
    elif posting.undoes is not None:
        text = f"An earlier line for {period} is cancelled in full, {because}"
    elif line.rule == "6.2":
        text = f"{seats} from {period} are free: days before the first billing date"
    elif line.kind == "refund":
        whole = line.rule == "R4.6" or line.days == line.of_days
        part = "in full" if whole else f"for {line.days} of its {line.of_days} days"
        text = f"The charge for {seats} at {price} is given back {part} ({period}), {because}"
    elif line.days == line.of_days:
        text = f"{seats} at {price} for {period}, {because}"
    else:
        text = f"{seats} at {price} for {line.days} of {line.of_days} days ({period}), {because}"
    if line.discount:
        text += f", less a promotion of {format_decimal(abs(line.discount), digits)}"
    if posting.late:
        text += "; it belongs to an earlier report that is already issued"
    return text + "."


def _day(day: int) -> str:
    return date.fromordinal(day).isoformat()
