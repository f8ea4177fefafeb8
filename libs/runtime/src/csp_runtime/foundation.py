"""What every service that writes events stands on, laid alike: its databases, store, log, consumers, machine and edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter, FastAPI

from csp_runtime.consumer import Consumer
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.handlers import Projection, Reactor
from csp_runtime.http import Readiness, create_app
from csp_runtime.internal_api import events_router
from csp_runtime.operations import Operations
from csp_runtime.operations.machine import OperationMachine
from csp_runtime.operations.steps import Plan
from csp_runtime.platform import Platform, Service, Worker
from csp_runtime.public_log import PublicLog, StoredPublicLog
from csp_runtime.store import EventStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """One service's. `worker` is for what runs by itself, `request` for what answers a person, under row-level security."""

    platform: Platform
    name: str
    schema: str
    worker: Database
    request: Database
    store: EventStore
    log: PublicLog

    def operations(self) -> Operations:
        """Where commands that end at Microsoft begin."""
        return Operations(self.store, self.worker, self.platform.box, self.platform.approvals)

    def machine(self, plans: Sequence[Plan]) -> OperationMachine:
        """Who carries them out."""
        return OperationMachine(
            store=self.store,
            database=self.worker,
            box=self.platform.box,
            clock=self.platform.clock,
            wakeups=self.platform.wakeups,
            plans=plans,
            list_delay=timedelta(minutes=self.platform.microsoft.list_delay_minutes),
            patience=timedelta(hours=self.platform.microsoft.patience_hours),
        )

    def projection(self, handler: Projection) -> Consumer:
        """A consumer that turns events into rows."""
        return Consumer(handler, self.platform.feed, self.worker, gaps=self.platform.gaps)

    def reactor(self, handler: Reactor) -> Consumer:
        """A consumer that turns events into events of this service."""
        return Consumer(handler, self.platform.feed, self.worker, store=self.store, gaps=self.platform.gaps)

    def service(
        self,
        routers: Sequence[APIRouter],
        *,
        consumers: Sequence[Consumer],
        workers: Sequence[tuple[str, Worker]],
        readiness: Sequence[Readiness] = (),
    ) -> Service:
        """The service, with its internal API over these routers and its log."""
        return Service(
            name=self.name,
            schema=self.schema,
            app=self._app(routers),
            log=self.log,
            databases=[self.worker, self.request],
            store=self.store,
            consumers=consumers,
            workers=workers,
            readiness=readiness,
        )

    def _app(self, routers: Sequence[APIRouter]) -> FastAPI:
        app = create_app(f"CSP {self.name} (internal)", self.platform.verifier)
        for router in (*routers, events_router(self.log)):
            app.include_router(router)
        return app


def lay(platform: Platform, name: str, schema: str) -> Foundation:
    """Lay the foundation of a service."""
    worker = platform.database(schema, DatabaseRole.WORKER, max_size=8)
    return Foundation(
        platform=platform,
        name=name,
        schema=schema,
        worker=worker,
        request=platform.database(schema, DatabaseRole.REQUEST),
        store=platform.store(schema),
        log=StoredPublicLog(worker, name),
    )
