"""Problem documents (RFC 9457) and the registry of their types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from csp_runtime.problem_types import PROBLEM_TYPES

TYPE_BASE = "/problems/"
"""Where a gateway tells what a type means: relative to the answer, as RFC 9457 allows, so that it leads somewhere."""
MEDIA_TYPE = "application/problem+json"

STATUS = {name: each.status for name, each in PROBLEM_TYPES.items()}
"""Every problem type with the status it is answered with."""

RETRYABLE = frozenset(name for name, each in PROBLEM_TYPES.items() if each.is_retryable)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidParameter:
    """One field that breaks one rule; `choices` where it must be one of few."""

    field: str
    rule: str
    reason: str
    source: str = "body"
    choices: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """The entry in `invalid_parameters`."""
        choices = {"choices": list(self.choices)} if self.choices else {}
        return {
            "field": self.field,
            "rule": self.rule,
            "reason": self.reason,
            "source": self.source,
            **choices,
        }


@dataclass(eq=False)
class Problem(Exception):
    """Raised anywhere below the edge, answered as a problem document there. `code` must be in the registry."""

    code: str
    title: str
    detail: str | None = None
    invalid: Sequence[InvalidParameter] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    retry_after: float | None = None

    def __post_init__(self) -> None:
        super().__init__(self.title)

    @classmethod
    def from_json(cls, document: Mapping[str, Any], status: int) -> "Problem":
        """A problem that another service of the platform answered with."""
        code = str(document.get("code", "")).replace("_", "-")
        if code not in STATUS:
            code = "unavailable" if status >= 500 else "bad-request"
        standard = {
            "type",
            "title",
            "status",
            "detail",
            "instance",
            "code",
            "retryable",
            "invalid_parameters",
        }
        return cls(
            code,
            str(document.get("title", "The command was refused")),
            document.get("detail"),
            [InvalidParameter(**parameter) for parameter in document.get("invalid_parameters", [])],
            {name: value for name, value in document.items() if name not in standard},
        )

    @property
    def status(self) -> int:
        """The HTTP status of this type."""
        return STATUS[self.code]

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later; exactly then the answer has `Retry-After`."""
        return self.code in RETRYABLE or self.retry_after is not None

    def as_json(self, instance: str | None = None) -> dict[str, Any]:
        """The document; every standard field is there."""
        return {
            "type": TYPE_BASE + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code.replace("-", "_"),
            "retryable": self.is_retryable,
            "invalid_parameters": [parameter.as_json() for parameter in self.invalid],
            **self.extra,
        }


def not_found(what: str) -> Problem:
    """Foreign things do not exist: the same answer whether it is unknown or somebody else's."""
    return Problem("not-found", f"There is no such {what}")


def invalid(field_: str, rule: str, reason: str) -> Problem:
    """One broken rule of one field."""
    parameter = InvalidParameter(field=field_, rule=rule, reason=reason)
    return Problem("validation", "The request breaks a rule", f"{field_}: {reason}", invalid=[parameter])


def stale(what: str, version: int, changed_fields: Sequence[str]) -> Problem:
    """It is not what it was when it was read: its version now, and what changed since."""
    extra = {"version": version, "current_version": version, "changed_fields": list(changed_fields)}
    return Problem("version-conflict", f"The {what} changed since it was read", extra=extra)
