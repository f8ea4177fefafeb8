"""Where what we hold for true and what Microsoft shows stay apart, field by field. Pure."""

from collections.abc import Mapping
from typing import Any

# Microsoft's states that mean the same to us; others (`pending`, unknown ones) say nothing final.
_STATUS = {
    "active": "active",
    "suspended": "suspended",
    "deleted": "cancelled",
    "expired": "expired",
    "disabled": "expired",
}

MICROSOFT = "microsoft"
"""The side that policy suggests: Microsoft charges by what it shows."""


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
