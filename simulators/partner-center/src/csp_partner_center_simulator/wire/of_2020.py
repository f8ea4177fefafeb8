"""What clients of 2020 can read: their enums are closed, one unknown value makes a page unreadable (PC 15.4)."""

from typing import Any

STATES = {"pending": "active", "expired": "suspended", "disabled": "suspended"}
CYCLES = {"triennial": "annual"}
DOCUMENTS = {"credit_note": "adjustment_note"}
LINE_ERRORS = frozenset({0, 10000, 10001, 10002, 10003, 10004, 10006, 10007, 10008, 10009})
CANNOT_PROCESS = 10006


def readable(value: Any) -> Any:
    """Give an answer's body in values that such clients know: states, billing cycles, documents, cart errors.

    Lists inside `dynamicAttributes` are left out: they read that member as a map of strings.
    """
    if isinstance(value, list):
        return [readable(member) for member in value]
    if not isinstance(value, dict):
        return value
    known = {name: _member(name, member) for name, member in value.items()}
    if (value.get("attributes") or {}).get("objectType") == "Subscription":
        known["status"] = STATES.get(known["status"], known["status"])
    return known


def _member(name: str, value: Any) -> Any:
    match name:
        case "billingCycle":
            return CYCLES.get(value, value) if isinstance(value, str) else value
        case "supportedBillingCycles":
            return [cycle for cycle in value if cycle not in CYCLES]
        case "documentType":
            return DOCUMENTS.get(value, value)
        case "errorCode":
            return value if value in LINE_ERRORS else CANNOT_PROCESS
        case "dynamicAttributes":
            return {key: one for key, one in value.items() if not isinstance(one, list)}
    return readable(value)
