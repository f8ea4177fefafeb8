"""What a subscription refuses.

SubscriptionRefusal
├── NotActive             only active subscriptions can be changed
├── NotSuspended          only suspended ones can be reactivated
├── CommitmentLocked      seats whose window is closed stay until the renewal (rulebook 8.1)
├── WindowClosed          a cancellation outside its 7 days
├── QuantityOutOfRange    fewer than one seat, or more than the offer allows
├── NotImported           only what the first synchronisation found has a day from which it is billed (R9.7)
└── BillingStartOutOfRange  a day from which it cannot be billed
"""

from datetime import date
from typing import Any


class SubscriptionRefusal(Exception):
    """The root; `code` is that of the problem type, `details` are members of the problem document."""

    code = "subscription-refusal"
    title = "The subscription does not allow this"

    def __init__(self, **details: Any) -> None:  # members of a problem document
        super().__init__(self.title)
        self.details = {name: value for name, value in details.items() if value is not None}


class NotActive(SubscriptionRefusal):
    """It is suspended or has ended."""

    code = "subscription-not-active"
    title = "The subscription is not active"


class NotSuspended(SubscriptionRefusal):
    """There is nothing to reactivate."""

    code = "subscription-not-active"
    title = "Only a suspended subscription can be reactivated"


class CommitmentLocked(SubscriptionRefusal):
    """`allowed_from` is the day of the renewal, for which the decrease can be scheduled."""

    code = "commitment-locked"
    title = "The quantity cannot be reduced before the commitment ends"

    def __init__(self, *, allowed_from: date | None, reducible: int) -> None:
        super().__init__(
            allowed_from=None if allowed_from is None else allowed_from.isoformat(), reducible=reducible
        )


class WindowClosed(SubscriptionRefusal):
    """`allowed_from` is the day of the renewal, when the window opens again."""

    code = "cancellation-window-closed"
    title = "The subscription can no longer be cancelled in this term"

    def __init__(self, *, allowed_from: date | None) -> None:
        super().__init__(allowed_from=None if allowed_from is None else allowed_from.isoformat())


class QuantityOutOfRange(SubscriptionRefusal):
    """At least one seat."""

    code = "quantity-out-of-range"
    title = "The quantity is outside of what the offer allows"


class NotImported(SubscriptionRefusal):
    """It is billed from its start."""

    code = "subscription-not-imported"
    title = "Only a subscription that the first synchronisation found has another first billing day than its start"


class BillingStartOutOfRange(SubscriptionRefusal):
    """`rule` names what the day breaks, `reason` says it with the bound."""

    code = "validation"
    title = "The day breaks a rule"

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__()
        self.rule = rule
        self.reason = reason
