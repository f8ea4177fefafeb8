"""Why a line has its amount: the stored fields as data, and the same as a sentence for a customer (section 15).

A rendering, never a second computation.
"""

from collections.abc import Mapping
from datetime import date

from csp_billing.domain.delta import Posting
from csp_billing.domain.presentation import PRICE_DIFFERENCE
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
    return told(
        kind=line.kind,
        reason=line.reason,
        rule=line.rule,
        quantity=str(line.quantity),
        price=None if line.unit_price is None else format_price(line.unit_price, digits),
        first=_day(line.start),
        last=_day(line.end - 1),
        days=str(line.days),
        of_days=str(line.of_days),
        promotion=format_decimal(abs(line.discount), digits) if line.discount else None,
        undoes=posting.undoes is not None,
        late=posting.late,
        note=line.price_ref if line.kind == "adjustment" else "",
    )


def told(
    *,
    kind: str,
    reason: str,
    rule: str,
    quantity: str,
    price: str | None,
    first: str,
    last: str,
    days: str,
    of_days: str,
    promotion: str | None,
    undoes: bool,
    late: bool,
    note: str = "",
) -> str:
    """The sentence from figures that are text already, as an export has them; `first` and `last` service days inclusive."""
    because = _BECAUSE[reason]
    seats = f"{quantity} seat" if quantity == "1" else f"{quantity} seats"
    price = price or "no price yet"
    if kind == "adjustment":
        text = f"Manual adjustment for {first} to {last}" + (f": {note}" if note else "")
    elif undoes:
        text = f"An earlier line for {first} to {last} is cancelled in full, {because}"
    elif rule == "6.2":
        text = f"{seats} from {first} to {last} are free: days before the first billing date"
    elif rule == PRICE_DIFFERENCE:
        less = "less" if kind == "refund" else "more"
        text = f"{seats} at {price} {less} than before for {days} of {of_days} days ({first} to {last}), {because}"
    elif kind == "refund":
        part = "in full" if rule == "R4.6" or days == of_days else f"for {days} of its {of_days} days"
        text = f"The charge for {seats} at {price} is given back {part} ({first} to {last}), {because}"
    elif days == of_days:
        text = f"{seats} at {price} for {first} to {last}, {because}"
    else:
        text = f"{seats} at {price} for {days} of {of_days} days ({first} to {last}), {because}"
    if promotion is not None:
        text += f", less a promotion of {promotion}"
    if late:
        text += "; it belongs to an earlier report that is already issued"
    return text + "."


def _day(day: int) -> str:
    return date.fromordinal(day).isoformat()
