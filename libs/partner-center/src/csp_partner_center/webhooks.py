"""Registration for notifications, and what a notification says (PC 9). One registration per partner tenant."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid5

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Base, Call, path, path_of_link
from csp_partner_center.errors import AlreadyExists, Busy, NotFound
from csp_partner_center.paging import everything
from csp_partner_center.reading import decode, read
from csp_partner_center.session import Session
from csp_partner_center.writing import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Where to, and which events."""

    webhook_url: str
    webhook_events: list[str] = field(default_factory=list)
    subscriber_id: str | None = None
    signature_token_to_ms_signature_header: bool | None = None
    last_modified_timestamp: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationStarted:
    """The id to ask with."""

    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """One attempt to reach us."""

    response_code: str | None = None
    response_message: str | None = None
    system_error: bool | None = None
    date_time_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """How a test event fared."""

    correlation_id: str
    status: str | None = None
    callback_url: str | None = None
    results: list[ValidationResult] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A hint without data: fetch the resource. Late by up to two days, doubled, out of order (PC 9.2, 9.3)."""

    event_name: str
    resource_uri: str | None = None
    resource_name: str | None = None
    audit_uri: str | None = None
    resource_change_utc_date: datetime | None = None

    @property
    def resource_path(self) -> str | None:
        """The path below `/v1`; the host that the body names is never called."""
        return path_of_link(self.resource_uri) if self.resource_uri else None

    @property
    def ids(self) -> dict[str, str]:
        """The ids in the path: `{"customers": …, "subscriptions": …}`, in lower case."""
        parts = [part for part in (self.resource_path or "").split("/") if part]
        return {kind.lower(): found.lower() for kind, found in zip(parts[::2], parts[1::2], strict=False)}


def read_notification(body: bytes) -> Notification:
    """Raises `UnreadableField`."""
    return read(Notification, decode(body))


class Webhooks:
    """App-only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def events(self) -> list[str]:
        """What this tenant may register for."""
        call = Call(
            operation="webhooks.events.list", method="GET", path="/registration/events", base=Base.WEBHOOKS
        )
        return (await everything(self._session, str, call)).items

    async def registration(self) -> Answer[Registration] | None:
        """None where there is none."""
        call = Call(
            operation="webhooks.registration.get", method="GET", path="/registration", base=Base.WEBHOOKS
        )
        try:
            return await self._session.ask(Registration, call)
        except NotFound:
            return None

    async def register(self, url: str, events: list[str], ids: RequestIds) -> Answer[Registration]:
        """Make or replace the registration: one URL per partner tenant takes the events away from any other."""
        if await self.registration() is None:
            try:
                return await self._write("create", "POST", url, events, ids)
            except (Busy, AlreadyExists):
                # PC 9.1: somebody registered in the meantime. Another operation needs another request id.
                ids = RequestIds(
                    request_id=uuid5(ids.request_id, "update"), correlation_id=ids.correlation_id
                )
        return await self._write("update", "PUT", url, events, ids)

    async def start_validation(self, ids: RequestIds) -> Answer[ValidationStarted]:
        """Ask for a test event; twice a minute at most, `test-created` must be registered."""
        return await self._session.ask(
            ValidationStarted,
            Call(
                operation="webhooks.validationEvents.create",
                method="POST",
                path="/registration/validationEvents",
                base=Base.WEBHOOKS,
            ),
            ids,
        )

    async def validation(self, correlation_id: str) -> Answer[Validation]:
        """How it fared; kept for seven days."""
        return await self._session.ask(
            Validation,
            Call(
                operation="webhooks.validationEvents.get",
                method="GET",
                path=path("registration", "validationEvents", correlation_id),
                base=Base.WEBHOOKS,
            ),
        )

    async def _write(
        self, verb: str, method: str, url: str, events: list[str], ids: RequestIds
    ) -> Answer[Registration]:
        return await self._session.ask(
            Registration,
            Call(
                operation=f"webhooks.registration.{verb}",
                method=method,
                path="/registration",
                base=Base.WEBHOOKS,
                body=encode({"WebhookUrl": url, "WebhookEvents": events}),
                is_repeatable=True,
            ),
            ids,
        )
