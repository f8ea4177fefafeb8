"""Where what we hold for true and what Microsoft shows stay apart, field by field, what that costs, and whose side is taken. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from csp_commerce_rules.money import minor_digits
from csp_commerce_rules.rounding import line_amount

# Microsoft's states that mean the same to us; others (`pending`, unknown ones) say nothing final.
_STATUS = {
    "active": "active",
    "suspended": "suspended",
    "deleted": "cancelled",
    "expired": "expired",
    "disabled": "expired",
}

MICROSOFT, OURS, IGNORE, ASK = "microsoft", "ours", "ignore", "ask"
"""Sides. Microsoft's is suggested where no policy says otherwise: Microsoft charges by what it shows."""

FIELDS = ("status", "quantity", "auto_renew")
"""What is compared."""

_MONTHS = {"P1M": 1, "P1Y": 12, "P3Y": 36}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one seat is sold for over one full charge cycle, in millionths."""

    currency: str
    unit_price_micro: int
    charge_cycle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`tenant_id` or `field` empty: all of them. `side`: `microsoft`, `ours` or `ask`."""

    tenant_id: str
    field: str
    side: str

    @property
    def name(self) -> str:
        """As a decision names it."""
        return f"{self.tenant_id or 'all tenants'}/{self.field or 'all fields'}: {self.side}"


def side_for(
    policies: Mapping[tuple[str, str], Policy], tenant_id: str, fields: Mapping[str, Any]
) -> tuple[str, str | None]:
    """(side, policy) for a difference: the most particular policy of each field; they must agree, else a person is asked."""
    found = {_policy_for(policies, tenant_id, field) for field in fields}
    sides = {ASK if policy is None else policy.side for policy in found}
    if len(sides) != 1 or sides == {ASK}:
        return ASK, None
    return sides.pop(), "; ".join(sorted(policy.name for policy in found if policy is not None))


def _policy_for(policies: Mapping[tuple[str, str], Policy], tenant_id: str, field: str) -> Policy | None:
    for key in ((tenant_id, field), (tenant_id, ""), ("", field), ("", "")):
        if key in policies:
            return policies[key]
    return None


def monthly_effect(confirmed: Mapping[str, Any], shown: Mapping[str, Any], price: Price | None) -> int | None:
    """What Microsoft's side is more (or less) than ours a month, in minor units at the sales price; None without a price."""
    months = None if price is None else _MONTHS.get(price.charge_cycle)
    if price is None or months is None:
        return None
    commerce = str(shown.get("commerce") or "nce")
    microsoft = _charged(_STATUS.get(str(shown.get("status", "")).lower()), shown.get("quantity"), commerce)
    seats = microsoft - _charged(confirmed.get("status"), confirmed.get("quantity"), commerce)
    # One month of the months of a charge cycle.
    return line_amount("line_half_up", price.unit_price_micro, seats, 1, months, minor_digits(price.currency))


def _charged(status: object, quantity: object, commerce: str) -> int:
    """Seats that are charged: suspended ones in New Commerce only (product 14)."""
    charged = ("active", "suspended") if commerce == "nce" else ("active",)
    return quantity if isinstance(quantity, int) and status in charged else 0


def command_for(field: str, ours: str) -> tuple[str, dict[str, Any]] | None:
    """The owner's command (route, body) that makes Microsoft show our value; None where there is none (what expired stays so)."""
    match field, ours:
        case "quantity", _:
            return "change-quantity", {"quantity": int(ours)}
        case "auto_renew", _:
            return "end-of-term", {"end_of_term": "renew" if ours == "true" else "cancel"}
        case "status", "active":
            return "reactivate", {}
        case "status", "suspended":
            return "suspend", {}
        case "status", "cancelled":
            return "cancel", {}
        case _:
            return None


def differences(confirmed: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, list[str | None]]:
    """Field to [ours, Microsoft's]; empty where both agree, or where Microsoft's state is not final."""
    status = _STATUS.get(str(shown.get("status", "")).lower())
    if status is None:
        return {}
    found: dict[str, list[str | None]] = {}
    if confirmed.get("status") != status:
        found["status"] = [_text(confirmed.get("status")), status]
    is_over = status in ("cancelled", "expired")
    if not is_over and confirmed.get("quantity") != shown.get("quantity"):
        found["quantity"] = [_text(confirmed.get("quantity")), _text(shown.get("quantity"))]
    # A suspension ends auto-renewal by itself; that is no difference of its own.
    if status == "active" and confirmed.get("auto_renew") != shown.get("auto_renew"):
        found["auto_renew"] = [_text(confirmed.get("auto_renew")), _text(shown.get("auto_renew"))]
    return found


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
