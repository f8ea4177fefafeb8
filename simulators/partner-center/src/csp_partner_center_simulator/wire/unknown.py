"""A value that no client knows yet, in the first resource of an answer (fault `unknown_enum`, PC 14.8)."""

from typing import Any

VALUE = "on_hold"
# The members that hold enum values, in the order in which one of them is chosen.
MEMBERS = (
    "status", "state", "operationType", "relationshipToPartner", "chargeType", "documentType", "capabilityStatus",
    "billingCycle", "qualification",
)  # fmt: skip


def with_unknown_value(body: Any) -> Any:
    """Give the body with one enum value replaced; bodies without any stay as they are."""
    if isinstance(body, list):
        return [with_unknown_value(body[0]), *body[1:]] if body else body
    if not isinstance(body, dict):
        return body
    chosen = next((name for name in MEMBERS if isinstance(body.get(name), str)), None)
    if chosen is not None:
        return {**body, chosen: VALUE}
    items = next((name for name in ("items", "value", "orders") if isinstance(body.get(name), list)), None)
    return body if items is None else {**body, items: with_unknown_value(body[items])}
