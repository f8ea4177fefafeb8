"""What a new user must have."""

import re

from csp_runtime.passwords import policy_faults
from csp_runtime.problems import InvalidParameter

_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9._'-]{0,62}[A-Za-z0-9])?$")


def user_faults(
    *,
    user_name: str,
    first_name: str,
    last_name: str,
    password_mode: str,
    password: str | None,
    mail_to: str | None,
) -> list[InvalidParameter]:
    """Every fault of the form."""
    faults: list[InvalidParameter] = []
    if not _NAME.match(user_name):
        faults.append(
            _fault(
                "user_name", "format", "letters, digits, dots, hyphens, underscores; the part before the @"
            )
        )
    for field, value in (("first_name", first_name), ("last_name", last_name)):
        if not value.strip():
            faults.append(_fault(field, "required", "must not be empty"))
    if password_mode == "generate_and_mail":  # noqa: S105 - a mode
        if password is not None:
            faults.append(_fault("password", "absent", "is generated in this mode"))
    elif password is None:
        faults.append(_fault("password", "required", "must be given in this mode"))
    else:
        faults += [
            _fault("password", "policy", reason)
            for reason in policy_faults(password, (user_name, first_name, last_name))
        ]
    if password_mode != "specify" and not mail_to:  # noqa: S105 - a mode
        faults.append(_fault("mail_to", "required", "who gets the sign-in details"))
    return faults


def _fault(field: str, rule: str, reason: str) -> InvalidParameter:
    return InvalidParameter(field=field, rule=rule, reason=reason)
