"""The page of all settings, as the settings objects describe themselves."""

import json
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from csp_billing.settings import BillingSettings
from csp_partner_feed.settings import PartnerFeedSettings
from csp_runtime.annotations import without_none
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings

OBJECTS: dict[str, type[BaseSettings]] = {
    "Every service": RuntimeSettings,
    "Services that talk to Microsoft": MicrosoftSettings,
    "Mail": MailSettings,
    "The feed": PartnerFeedSettings,
    "Billing": BillingSettings,
}
_BEGIN = """\
# Settings

Variables of the environment; `csp settings` prints this page. `csp up` sets what one machine needs by itself. A value that cannot be is
refused at the start, with the variable's name.
"""


def page() -> str:
    """Markdown: a table for each object."""
    parts = [_BEGIN]
    for title, settings in OBJECTS.items():
        rows = [_row(settings, name, field) for name, field in settings.model_fields.items()]
        parts.append(
            f"\n## {title}\n\n| Variable | Values | Default | What it says |\n|---|---|---|---|\n{''.join(rows)}"
        )
    return "".join(parts)


def _row(settings: type[BaseSettings], name: str, field: FieldInfo) -> str:
    variable = f"{settings.model_config['env_prefix']}{name}".upper()
    default = "needed" if field.is_required() else _shown(field.get_default(call_default_factory=True))
    return f"| `{variable}` | {_values(field.annotation)} | {default} | {field.description} |\n"


def _values(annotation: Any) -> str:  # a type as an annotation has it
    annotation = without_none(annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if annotation is SecretStr:
        return "secret"
    names = {bool: "true, false", int: "whole number", float: "number", str: "text"}
    return names.get(get_origin(annotation) or annotation, "JSON" if get_origin(annotation) else "path")


def _shown(default: object) -> str:
    if default is None:
        return ""
    return f"`{json.dumps(default)}`" if isinstance(default, bool | list | dict) else f"`{default}`"
