"""Runs built services in this process: opens what they own, supervises what runs beside the requests, closes in order."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

import httpx

from csp_runtime.cancelling import end_if_asked
from csp_runtime.consumer import Consumer
from csp_runtime.http import Readiness
from csp_runtime.logs import logger
from csp_runtime.outages import OUTAGES
from csp_runtime.platform import Service
from csp_runtime.relay import Publisher, Relay
from csp_runtime.standstill import StandstillWatch
from csp_runtime.wakeups import Wakeups

log = logger(__name__)

RESTART_SECONDS = 1.0


class Host:
    """The services of one process. `publisher` is set where events travel by Kafka: then each service has its relay."""

    def __init__(
        self,
        services: Sequence[Service],
        wakeups: Wakeups,
        *,
        publisher: Callable[[Service], Publisher] | None = None,
    ) -> None:
        self.services = services
        self._wakeups = wakeups
        self._publisher = publisher
        self._publishers: list[Publisher] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._consumers_ready = False

    async def start(self) -> None:
        """Open databases, then start consumers, workers and relays."""
        await self._wakeups.start()
        for service in self.services:
            for database in service.databases:
                await database.open()
        for service in self.services:
            if service.start is not None:
                await service.start()
            for consumer in service.consumers:
                self._supervise(f"consumer {consumer.name}", consumer.run)
            for name, worker in service.workers:
                self._supervise(f"worker {service.name}.{name}", worker.run)
            if self._publisher is not None and service.log is not None:
                publisher = self._publisher(service)
                self._publishers.append(publisher)
                relay = Relay(service.log, publisher, service.databases[0], self._wakeups)
                self._supervise(f"relay {service.name}", relay.run)
        consumers = [consumer for service in self.services for consumer in service.consumers]
        self._supervise("watch over consumers", StandstillWatch(consumers).run)

    async def stop(self) -> None:
        """Cancel everything, then close; what was not committed will be done again."""
        pending = set(self._tasks)
        while pending:
            # Libraries on Python 3.11 may swallow a cancellation that meets a result: ask until it is heard.
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.2)
        await asyncio.gather(
            self._wakeups.stop(),
            *(_stopped(publisher) for publisher in self._publishers),
            *(_closed(service) for service in self.services),
        )

    def readiness(self) -> list[Readiness]:
        """Every part of this process that can be waited for."""
        parts: list[Readiness] = []
        for service in self.services:
            parts.append(Readiness(name=f"{service.name} database", probe=service.databases[0].is_ready))
            parts += [
                Readiness(name=consumer.name, probe=_running(consumer)) for consumer in service.consumers
            ]
            parts += service.readiness
        return parts

    def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        async def forever() -> None:
            while True:
                end_if_asked()
                try:
                    await run()
                    return
                except asyncio.CancelledError:
                    raise
                except OUTAGES as fault:
                    log.warning("host.part-interrupted", part=name, reason=type(fault).__name__)
                    await asyncio.sleep(RESTART_SECONDS)
                except Exception as fault:
                    log.exception("host.part-failed", part=name, reason=type(fault).__name__)
                    await asyncio.sleep(RESTART_SECONDS)

        self._tasks.append(asyncio.create_task(forever(), name=name))


def _running(consumer: Consumer) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return consumer.health.is_running and not consumer.health.stands_still

    return ask


async def _stopped(publisher: Publisher) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1.0):
            await publisher.stop()


async def _closed(service: Service) -> None:
    if service.stop is not None:
        await service.stop()
    closing = [database.close() for database in service.databases]
    if service.store is not None:
        closing.append(asyncio.to_thread(service.store.close))
    await asyncio.gather(*closing)


class LocalPeers:
    """The other services in this process: their ASGI apps, called directly."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}

    def add(self, service: Service) -> None:
        """Make a service's internal API reachable."""
        self._clients[service.name] = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=service.app, raise_app_exceptions=False),
            base_url=f"http://{service.name}.internal",
        )

    def client(self, service: str) -> httpx.AsyncClient:
        """As `Peers`; a service that is not here does not answer."""
        if service not in self._clients:
            return httpx.AsyncClient(transport=_Absent(), base_url=f"http://{service}.internal")
        return self._clients[service]

    async def close(self) -> None:
        """Give the clients back."""
        for client in self._clients.values():
            await client.aclose()


class RemotePeers:
    """The other services in other processes."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._clients = {
            name: httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(30.0, connect=2.0))
            for name, url in urls.items()
        }

    def client(self, service: str) -> httpx.AsyncClient:
        """As `Peers`; a service without an address does not answer."""
        if service not in self._clients:
            return httpx.AsyncClient(transport=_Absent(), base_url=f"http://{service}.internal")
        return self._clients[service]

    async def close(self) -> None:
        """Give the connections back."""
        for client in self._clients.values():
            await client.aclose()


class _Absent(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no address is known for {request.url.host}", request=request)
