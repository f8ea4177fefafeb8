"""The world: all tables, the clock, the agenda, the profile; the only thing that remembers."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec

from csp_partner_center_simulator.catalogue.catalogue import Catalogue
from csp_partner_center_simulator.clock.agenda import Agenda
from csp_partner_center_simulator.clock.clock import Clock
from csp_partner_center_simulator.state import (
    billing,
    customers,
    directory,
    logs,
    orders,
    partners,
    subscriptions,
)
from csp_partner_center_simulator.state.profile import Channels, Profile
from csp_partner_center_simulator.state.store import Store
from csp_partner_center_simulator.state.table import AnyTable, Journal, Table

EPOCH = datetime(1, 1, 1, tzinfo=UTC)
NAMESPACE = uuid.UUID("6a0f6f0e-0f4b-5d2c-9a52-7d3a1c1b8e11")
META = "world"


def ticks(at: datetime) -> int:
    """Give the .NET ticks of a time: 100 ns since 0001-01-01 (PC 8)."""
    return (at - EPOCH) // timedelta(microseconds=1) * 10


class World:
    """All state of the simulated services. Change it inside `transaction()` only."""

    def __init__(self, *, catalogue: Catalogue, clock: Clock, store: Store | None, seed: int) -> None:
        self.catalogue = catalogue
        self.clock = clock
        self.store = store
        self.seed = seed
        self.name = ""
        self.profile = Profile(seed=seed)
        self.channels = Channels()
        self.handlers: dict[str, Callable[[World, logs.Task], None]] = {}
        self.on_user_change: list[Callable[[World, customers.User, str], None]] = []
        self.on_relation_end: list[Callable[[World, str, str], None]] = []
        self.on_commit: list[Callable[[], None]] = []
        self._journal = Journal()
        self._counter = 0
        self._depth = 0
        self._snapshots: dict[str, dict[str, dict[str, Any]]] = {}
        journal = self._journal
        self.partners = Table("partner", partners.Partner, journal)
        self.partner_profiles = Table("partner_profile", partners.PartnerProfile, journal)
        self.grants = Table("grant", partners.Grant, journal, partner=lambda row: (row.partner_id,))
        self.codes = Table("code", partners.Code, journal)
        self.laggards = Table("laggard", partners.Laggard, journal, partner=lambda row: (row.partner_id,))
        self.customers = Table(
            "customer",
            customers.Customer,
            journal,
            partner=lambda row: (one.partner_id for one in row.relations),
            domain=lambda row: row.domains,
        )
        self.users = Table(
            "user",
            customers.User,
            journal,
            customer=lambda row: (row.customer_id,),
            name=lambda row: (row.user_principal_name,) if row.active else (),
        )
        self.carts = Table("cart", orders.Cart, journal, customer=lambda row: (row.customer_id,))
        self.orders = Table("order", orders.Order, journal, customer=lambda row: (row.customer_id,))
        self.subscriptions = Table(
            "subscription",
            subscriptions.Subscription,
            journal,
            customer=lambda row: (row.customer_id,),
            parent=lambda row: (row.parent_id,) if row.parent_id else (),
            partner=lambda row: (row.partner_id,),
        )
        self.shadows = Table("shadow", subscriptions.Shadow, journal)
        self.audit = Table("audit", logs.AuditRecord, journal, partner=lambda row: (row.partner_id,))
        self.registrations = Table("registration", logs.Registration, journal)
        self.deliveries = Table("delivery", logs.Delivery, journal, partner=lambda row: (row.partner_id,))
        self.replays = Table("replay", logs.Replay, journal)
        self.tasks = Table("task", logs.Task, journal)
        self.metas = Table("meta", logs.Meta, journal)
        self.notes = Table("note", directory.Note, journal, customer=lambda row: (row.customer_id,))
        self.graph_subscriptions = Table(
            "graph_subscription",
            directory.GraphSubscription,
            journal,
            customer=lambda row: (row.customer_id,),
        )
        self.charges = Table(
            "charge",
            billing.Charge,
            journal,
            partner=lambda row: (row.partner_id,),
            subscription=lambda row: (row.subscription_id,),
            invoice=lambda row: (row.invoice_id,) if row.invoice_id else (f"unbilled/{row.partner_id}",),
        )
        self.invoices = Table("invoice", billing.Invoice, journal, partner=lambda row: (row.partner_id,))
        self.exports = Table("export", billing.Export, journal, partner=lambda row: (row.partner_id,))
        self.processes = Table(
            "process",
            directory.Process,
            journal,
            customer=lambda row: (row.customer_id,),
            of_kind=lambda row: (row.kind,),
        )
        self.tables: dict[str, AnyTable] = {
            table.kind: table for table in vars(self).values() if isinstance(table, Table)
        }
        self.agenda = Agenda(self.tasks)

    @property
    def now(self) -> datetime:
        """The virtual time, UTC."""
        return self.clock.now()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an exception undoes every change; else everything is stored before this ends."""
        if self._depth:
            yield
            return
        self._depth = 1
        counter = self._counter
        try:
            yield
        except BaseException:
            self.agenda.recall(self._journal.undo())
            self._counter = counter
            raise
        finally:
            self._depth = 0
        self.commit()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what was done in here when an exception leaves it."""
        mark, counter = self._journal.mark(), self._counter
        try:
            yield
        except BaseException:
            self.agenda.recall(self._journal.undo(mark))
            self._counter = counter
            raise

    def commit(self) -> None:
        """Store what changed."""
        changed = self._journal.drain()
        if not changed:
            return
        if self.store is not None:
            self.keep_time()
            changed |= self._journal.drain()
            self.store.write(self.tables, changed)
        for wake in self.on_commit:
            wake()

    def settle(self) -> None:
        """Forget how to undo what was done so far, without storing it: for filling a world (then `save_all`)."""
        self._journal.drain()

    def keep_time(self) -> None:
        """Note clock, counters and switches in the `meta` row."""
        self.metas.put(
            logs.Meta(
                id=META,
                now=self.now,
                world=self.name,
                seed=self.seed,
                counter=self._counter,
                profile=msgspec.to_builtins(self.profile),
                channels=msgspec.to_builtins(self.channels),
            )
        )

    def next_number(self) -> int:
        """Give a number that was never given before in this world."""
        self._counter += 1
        return self._counter

    def new_id(self, kind: str) -> str:
        """Give a new GUID; the same seed and the same calls give the same GUIDs."""
        return str(uuid.uuid5(NAMESPACE, f"{self.seed}/{kind}/{self.next_number()}"))

    def new_hex(self, kind: str, digits: int) -> str:
        """Give a new id of hex digits."""
        return hashlib.sha256(f"{self.seed}/{kind}/{self.next_number()}".encode()).hexdigest()[:digits]

    def random(self, purpose: str) -> Random:
        """Give a random source that depends on the profile's seed and on what was done before, on nothing else."""
        return Random(f"{self.profile.seed}/{purpose}/{self.next_number()}")

    def delay(self, purpose: str, low: float, high: float) -> timedelta:
        """Draw a delay in seconds (PC 14.3); zero in the fast profile."""
        if self.profile.latency == "fast":
            return timedelta()
        return timedelta(seconds=round(self.random(purpose).uniform(low, high), 3))

    def later(
        self,
        at: datetime,
        what: str,
        *,
        ref: str,
        partner_id: str = "",
        customer_id: str = "",
        subscription_id: str = "",
        at_once: bool = True,
    ) -> None:
        """Put a task on the agenda; what is due now is done now (unless not `at_once`)."""
        task = logs.Task(
            id=f"{what}/{ref}",
            at=at,
            number=self.next_number(),
            what=what,
            partner_id=partner_id,
            customer_id=customer_id,
            subscription_id=subscription_id,
            ref=ref,
        )
        if at_once and at <= self.now:
            self.handlers[what](self, task)
        else:
            self.agenda.add(task)

    def clear(self) -> None:
        """Forget everything but the snapshots."""
        for table in self.tables.values():
            table.replace_rows({})
        self._journal.drain()
        self._counter = 0
        self.agenda.rebuild()

    def save_all(self) -> None:
        """Store everything as it is now, replacing what was stored."""
        self.keep_time()
        self._journal.drain()
        if self.store is not None:
            self.store.rewrite(self.tables)

    def load(self) -> bool:
        """Read the stored world; False when there is none."""
        if self.store is None or not self.store.load(self.tables):
            return False
        self._recall()
        return True

    def _recall(self) -> None:
        meta = self.metas.get(META)
        if meta is not None:
            self.clock.set(meta.now)
            self.name, self.seed, self._counter = meta.world, meta.seed, meta.counter
            self.profile = msgspec.convert(meta.profile, Profile)
            self.channels = msgspec.convert(meta.channels, Channels)
        self.agenda.rebuild()

    def memory(self) -> dict[str, dict[str, Any]]:
        """Give everything as it is now; cheap, because rows are frozen."""
        self.keep_time()
        self._journal.drain()
        return {kind: table.copy_rows() for kind, table in self.tables.items()}

    def recall(self, memory: dict[str, dict[str, Any]]) -> None:
        """Make everything as it was, clock and profile included."""
        for kind, rows in memory.items():
            self.tables[kind].replace_rows(rows)
        self._journal.drain()
        self._recall()

    def snapshot(self, name: str) -> None:
        """Keep the state under a name; cheap, because rows are frozen."""
        memory = self.memory()
        if self.store is not None:
            self.store.rewrite(self.tables)
            self.store.save_snapshot(name)
        else:
            self._snapshots[name] = memory

    def snapshots(self) -> list[str]:
        """Name the snapshots."""
        return self.store.snapshots() if self.store is not None else sorted(self._snapshots)

    def restore(self, name: str) -> bool:
        """Go back to a snapshot, clock and profile included; False when there is none of that name."""
        if self.store is not None:
            if not self.store.restore_snapshot(name):
                return False
            for table in self.tables.values():
                table.replace_rows({})
            self.store.load(self.tables)
            self._recall()
        elif name in self._snapshots:
            self.recall(self._snapshots[name])
        else:
            return False
        return True
