"""What can go wrong with a call, told apart by what the caller may conclude.

    PartnerCenterError
    ├── NotDone                  nothing was done; the same request id and bytes may be sent again
    │   ├── NotConnected             no connection came about
    │   ├── Throttled                429, or our own budget has no call left before the deadline
    │   ├── BreakerOpen              the service failed repeatedly; calls are held back
    │   └── CredentialsRejected      no token could be had
    │       └── ConsentRequired          a person must sign in again (PC 1.3)
    ├── Refused                  answered, and not done; the next attempt needs a new request id (PC 2.7)
    │   ├── Invalid                  400 and other 4xx: the request breaks a rule
    │   │   ├── AlreadyExists            the thing, or its name, is there already
    │   │   └── WindowClosed             seats or subscription may no longer be given back (PC 6.3)
    │   ├── NotAuthenticated         401, also after a fresh token
    │   ├── Forbidden                403
    │   │   ├── AgreementMissing         the customer agreement is not confirmed (PC 3.8)
    │   │   ├── RelationshipMissing      this is no customer of ours (PC 3.5)
    │   │   └── RightsMissing            role, delegated right, MFA or token kind; a task for an operator
    │   ├── NotFound                 404
    │   ├── Changed                  stale etag or availability: read again, then decide
    │   └── Busy                     409 and pending states: wait, read again
    └── OutcomeUnknown           may or may not have been done: read back before anything else
        ├── NoAnswer                 the connection broke or the time ran out after sending
        ├── ServiceFailed            408 and 5xx
        └── UnreadableAnswer         a success whose body cannot be read

No error holds a token, a password or a body. `description` is Microsoft's own text; it may name persons, therefore it
is not part of `str()` and belongs on the screen of whoever asked, not into logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Microsoft's own words: `code` as text (numbers and strings both occur), `data` as it came, flattened to texts."""

    status: int
    code: str | None = None
    description: str | None = None
    data: tuple[str, ...] = ()


class PartnerCenterError(Exception):
    """Base of all. `code` is stable and ours; `upstream` is Microsoft's."""

    code = "partner-center-error"

    def __init__(
        self,
        operation: str,
        reason: str,
        *,
        upstream: Refusal | None = None,
        request_id: str | None = None,
        correlation_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(operation, reason)
        self.operation = operation
        self.reason = reason
        self.upstream = upstream
        self.request_id = request_id
        self.correlation_id = correlation_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.operation}: {self.reason}"

    @property
    def upstream_code(self) -> str | None:
        """Microsoft's code (PC 12), if there was one."""
        return self.upstream.code if self.upstream else None

    @property
    def description(self) -> str | None:
        """Microsoft's text, for the person who asked; not for logs."""
        return self.upstream.description if self.upstream else None


class NotDone(PartnerCenterError):
    """Nothing was done."""

    code = "microsoft-not-reached"


class NotConnected(NotDone):
    """No connection came about."""

    code = "microsoft-not-connected"


class Throttled(NotDone):
    """Too many calls; `retry_after` in seconds."""

    code = "microsoft-throttled"


class BreakerOpen(NotDone):
    """The service failed repeatedly and is left alone for a while; `retry_after` in seconds."""

    code = "microsoft-breaker-open"


class CredentialsRejected(NotDone):
    """No token could be had: secret wrong or expired, application unknown, token service down."""

    code = "microsoft-credentials-rejected"


class ConsentRequired(CredentialsRejected):
    """The refresh token is dead; a person with the admin agent role must sign in again, with MFA."""

    code = "microsoft-consent-required"


class Refused(PartnerCenterError):
    """Answered, and not done."""

    code = "microsoft-refused"


class Invalid(Refused):
    """The request breaks a rule of Microsoft's."""

    code = "microsoft-invalid"


class AlreadyExists(Invalid):
    """The thing, or its name, is there already."""

    code = "microsoft-already-exists"


class WindowClosed(Invalid):
    """Seats or the subscription may no longer be given back."""

    code = "microsoft-window-closed"


class NotAuthenticated(Refused):
    """401, also after a fresh token."""

    code = "microsoft-not-authenticated"


class Forbidden(Refused):
    """403."""

    code = "microsoft-forbidden"


class AgreementMissing(Forbidden):
    """The customer agreement is not confirmed."""

    code = "microsoft-agreement-missing"


class RelationshipMissing(Forbidden):
    """This tenant is no customer of this partner."""

    code = "microsoft-relationship-missing"


class RightsMissing(Forbidden):
    """A role, a delegated right, the MFA claim or the right kind of token is missing."""

    code = "microsoft-rights-missing"


class NotFound(Refused):
    """404."""

    code = "microsoft-not-found"


class Changed(Refused):
    """Stale etag or availability: read again, then decide."""

    code = "microsoft-changed"


class Busy(Refused):
    """Another change is in progress: wait, read again."""

    code = "microsoft-busy"


class OutcomeUnknown(PartnerCenterError):
    """May or may not have been done."""

    code = "microsoft-outcome-unknown"


class NoAnswer(OutcomeUnknown):
    """The connection broke or the time ran out after sending."""

    code = "microsoft-no-answer"


class ServiceFailed(OutcomeUnknown):
    """408 and 5xx."""

    code = "microsoft-service-failed"


class UnreadableAnswer(OutcomeUnknown):
    """A success whose body cannot be read."""

    code = "microsoft-unreadable-answer"


# PC 12. What is not here goes by the status alone.
_BY_CODE: Mapping[str, type[Refused]] = {
    "2055": Changed,
    "400019": Changed,
    "13605": AgreementMissing,
    "20002": RelationshipMissing,
    "600004": AlreadyExists,  # the domain and the sign-in name: unpublished, the simulator's
    "600005": AlreadyExists,
    "600061": AlreadyExists,
    "800065": AlreadyExists,
    "800060": Busy,
    "800064": Busy,
    "800082": Busy,
    "900278": Busy,
    "900224": NotFound,  # a migration; said with 400
    "2012": Busy,
    "4018": Busy,
    "800090": WindowClosed,
    "900214": WindowClosed,
    "900257": WindowClosed,
    "900117": WindowClosed,
    "900213": WindowClosed,
    "2032": RightsMissing,
    "900150": RightsMissing,
    "900308": RightsMissing,
    "900309": RightsMissing,
    "900316": RightsMissing,
    "900329": RightsMissing,
    "900420": RightsMissing,
}

_TAKES_A_NAME = frozenset(
    {
        "customers.create",
        "customers.users.create",
        "graph.users.create",
        "webhooks.registration.create",
    }
)

_BY_STATUS: Mapping[int, type[Refused]] = {
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Busy,
    410: NotFound,
    412: Changed,
}


def error_of(
    operation: str,
    upstream: Refusal,
    *,
    request_id: str | None = None,
    correlation_id: str | None = None,
    retry_after: float | None = None,
) -> PartnerCenterError:
    """The error for an answer that is not a success: first by status, then by code (PC 2.8)."""
    kind: type[PartnerCenterError]
    match upstream.status:
        case 429:
            kind = Throttled
        case 408:
            kind = ServiceFailed
        case status if status >= 500 or status < 400:
            kind = ServiceFailed
        case status:
            kind = _BY_CODE.get(upstream.code or "", _BY_STATUS.get(status, Invalid))
            # PC 3.4, 7.2: the codes for a taken name are not published; whatever is made anew has nothing else to be busy with.
            if status == 409 and upstream.code not in _BY_CODE and operation in _TAKES_A_NAME:
                kind = AlreadyExists
    said = f" code {upstream.code}" if upstream.code else ""
    return kind(
        operation,
        f"answered {upstream.status}{said}",
        upstream=upstream,
        request_id=request_id,
        correlation_id=correlation_id,
        retry_after=retry_after,
    )
