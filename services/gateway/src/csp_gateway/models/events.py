"""The change feed."""

from typing import Any

from pydantic import ConfigDict

from csp_gateway.models.base import View


class Event(View):
    """A CloudEvent."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    type: str
    source: str
    subject: str
    data: dict[str, Any]


class Feed(View):
    """A page of the change feed; `next` is the cursor to go on with, also when the page is empty."""

    data: list[Event]
    next: str
