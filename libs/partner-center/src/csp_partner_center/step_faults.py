"""The client's errors as the ways in which a step of an operation can end."""

from collections.abc import Iterator
from contextlib import contextmanager

from csp_partner_center import errors
from csp_runtime.operations import Busy, OutcomeUnknown, Refused, Stale


@contextmanager
def as_step_faults() -> Iterator[None]:
    """Raise `Busy`, `Stale`, `Refused` or `OutcomeUnknown` for what the client raises."""
    try:
        yield
    except errors.NotDone as fault:
        raise Busy(fault.code, fault.retry_after) from None
    except errors.Changed:
        raise Stale from None
    except errors.Busy as fault:
        raise Busy(fault.code, fault.retry_after, is_answer=True) from None
    except errors.AgreementMissing as fault:
        raise _refused(fault, "agreement-missing", "The customer agreement is not confirmed") from None
    except errors.WindowClosed as fault:
        raise _refused(fault, "commitment-locked", "Microsoft does not give these seats back") from None
    except errors.Refused as fault:
        raise _refused(fault, "upstream-rejected", "Microsoft refused the command") from None
    except errors.OutcomeUnknown as fault:
        raise OutcomeUnknown(fault.code) from None


def _refused(fault: errors.PartnerCenterError, code: str, title: str) -> Refused:
    return Refused(
        code,
        title,
        upstream={
            "system": "partner_center",
            "code": fault.upstream_code,
            "correlation_id": fault.correlation_id,
        },
    )
