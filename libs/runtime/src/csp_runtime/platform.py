"""What a service is given, and what it gives back: the pieces that the command composes into processes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx
from fastapi import FastAPI

from csp_runtime.auth import ServiceTokens, TokenVerifier
from csp_runtime.clock import Clock
from csp_runtime.consumer import Consumer
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.feed import Feed
from csp_runtime.http import Readiness
from csp_runtime.mail import Mailer
from csp_runtime.operations.approvals import ApprovalsPort
from csp_runtime.public_log import PublicLog
from csp_runtime.secret_box import SecretBox
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings
from csp_runtime.sorting import GapSource
from csp_runtime.store import EventStore
from csp_runtime.wakeups import Wakeups


class Worker(Protocol):
    """Something that runs for ever beside the requests."""

    async def run(self) -> None:
        """Run until cancelled."""


class Peers(Protocol):
    """The internal APIs of the other services."""

    def client(self, service: str) -> httpx.AsyncClient:
        """A client whose base URL is that service, in this process or another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Everything concrete that a service is built from."""

    settings: RuntimeSettings
    microsoft: MicrosoftSettings
    mail_settings: MailSettings
    clock: Clock
    wakeups: Wakeups
    feed: Feed
    verifier: TokenVerifier
    service_tokens: ServiceTokens
    box: SecretBox
    mailer: Mailer
    peers: Peers
    approvals: ApprovalsPort
    gaps: GapSource | None = None
    upstream: httpx.AsyncBaseTransport | None = None
    """Set where Microsoft is reached inside this process (the embedded simulator)."""

    def database(self, schema: str, role: DatabaseRole, *, max_size: int = 4) -> Database:
        """A pool of this service in one role; the host opens and closes it."""
        return Database(self.settings.database_url.get_secret_value(), schema, role, max_size=max_size)

    def store(self, schema: str) -> EventStore:
        """The event store of this service; the host closes it."""
        return EventStore(self.settings.database_url.get_secret_value(), schema)


@dataclass(slots=True, kw_only=True)
class Service:
    """A built service; `start` and `stop` are for what it owns beside databases, store, consumers and workers."""

    name: str
    schema: str
    app: FastAPI
    log: PublicLog | None
    databases: Sequence[Database]
    store: EventStore | None = None
    consumers: Sequence[Consumer] = ()
    workers: Sequence[tuple[str, Worker]] = ()
    readiness: Sequence[Readiness] = ()
    start: Callable[[], Awaitable[None]] | None = None
    stop: Callable[[], Awaitable[None]] | None = None
