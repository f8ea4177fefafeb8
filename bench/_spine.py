"""What the benches of the spine share: a real PostgreSQL, a real Kafka, and events of the size that real ones have."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from _pytest.outcomes import Failed, Skipped

from csp_contracts import event_types as _registers_all_types  # noqa: F401
from csp_contracts.envelope import Meta, Recorded
from csp_contracts.ids import NAMESPACE, Kind, api_id
from csp_contracts.subscriptions_v1 import QuantityChanged
from csp_runtime.embedded_postgres import EmbeddedPostgres
from csp_runtime.kafka_connection import KafkaConnection
from csp_runtime.migrate import migrate
from csp_runtime.store import MOST_EVENTS_A_SAVE, EventStore
from csp_testing.kafka import KafkaServer

SCHEMA = "bench"
TENANTS = 500

_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@contextmanager
def postgres() -> Iterator[str]:
    """`CSP_TEST_DATABASE_URL`, else a durable server of our own."""
    given = os.environ.get("CSP_TEST_DATABASE_URL")
    if given is not None:
        migrate(given, SCHEMA, ["csp_runtime"])
        yield given
        return
    with own_postgres() as server:
        migrate(server.url, SCHEMA, ["csp_runtime"])
        yield server.url


@contextmanager
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """A durable server of our own; nothing is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            with server:
                yield server
        finally:
            server.remove()


@contextmanager
def kafka() -> Iterator[KafkaConnection]:
    """`CSP_KAFKA`, else a broker of our own; ends the program with the reason where there is none."""
    given = os.environ.get("CSP_KAFKA")
    if given is not None:
        yield KafkaConnection(bootstrap=given)
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            server = KafkaServer(Path(folder) / "kafka")
            server.start()
        except (Skipped, Failed) as reason:
            sys.exit(f"not measured: {reason}")
        try:
            yield KafkaConnection(bootstrap=server.bootstrap)
        finally:
            server.stop()


def events(count: int) -> Iterator[Recorded[QuantityChanged]]:
    """Quantity changes, each tenant's in one stream, the tenants taking turns."""
    ids = [_ids(number) for number in range(TENANTS)]
    for number in range(count):
        tenant, subscription = ids[number % TENANTS]
        version = number // TENANTS + 1
        moment = _BEGIN + timedelta(seconds=number)
        yield Recorded(
            stream=subscription,
            version=version,
            data=QuantityChanged(
                subscription_id=subscription, tenant_id=tenant, previous=version, quantity=version + 1
            ),
            meta=Meta(
                reseller=api_id(Kind.RESELLER, NAMESPACE),
                partition_key=tenant,
                effective_at=moment,
                recorded_at=moment,
                origin="portal",
                actor=api_id(Kind.USER, NAMESPACE),
                tenant=tenant,
                correlation_id=api_id(Kind.OPERATION, uuid5(NAMESPACE, str(number))),
                trace={"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
            ),
        )


def _ids(number: int) -> tuple[str, str]:
    uuid: UUID = uuid5(NAMESPACE, f"bench/{number}")
    return api_id(Kind.TENANT, uuid), api_id(Kind.SUBSCRIPTION, uuid)


async def save(url: str, count: int) -> None:
    """Write that many events into the store."""
    store = EventStore(url, SCHEMA)
    waiting: list[Recorded[QuantityChanged]] = []
    for event in events(count):
        waiting.append(event)
        if len(waiting) == MOST_EVENTS_A_SAVE:
            await store.save(waiting)
            waiting = []
    if waiting:
        await store.save(waiting)
    store.close()
