"""Observations of tenants in: a tenant nobody told us of is discovered, with an organisation of its own, unallocated."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from csp_contracts.envelope import EffectiveBasis, Meta, Origin, Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_contracts.provisioning_v1 import CustomerAdded, TenantDiscovered, TenantOffboarded
from csp_provisioning.adapters.organisations import OrganisationStatements
from csp_provisioning.ports import TenantRow
from csp_runtime.clock import Clock
from csp_runtime.handlers import Reaction
from csp_runtime.operations import Operations
from csp_runtime.rereads import reread_at
from csp_runtime.store import Also, EventStore


class TenantObservations:
    """Decides what an observation of a tenant means."""

    name = "provisioning.observations"
    contexts = ("partner-feed",)
    streams = frozenset({Kind.OBSERVATION})
    types = frozenset({ExternalStateObserved})

    def __init__(
        self, store: EventStore, operations: Operations, clock: Clock, visibility: timedelta
    ) -> None:
        self._store = store
        self._operations = operations
        self._clock = clock
        self._visibility = visibility
        self._rows = OrganisationStatements()

    async def react(self, events: Sequence[Recorded[Any]]) -> Reaction:
        """At most one discovery per tenant, whatever the batch repeats."""
        seen = [event for event in events if event.data.resource == "tenant"]
        known = await self._store.load_many(sorted({event.data.tenant_id for event in seen}))
        made: list[Recorded[Any]] = []
        also: list[Also] = []
        for event in seen:
            history = known[event.data.tenant_id]
            decided = self._decide(event, history)
            if decided and (due := await self._uncertain_until(event)) is not None:
                tenant_id = event.data.tenant_id
                also.append(reread_at("tenant", tenant_id, event.meta.reseller, tenant_id, due))
                continue
            for recorded, statements in decided:
                made.append(recorded)
                also.extend(statements)
                if recorded.stream == event.data.tenant_id:
                    history.append(recorded)
        return Reaction(events=made, also=also)

    async def _uncertain_until(self, event: Recorded[ExternalStateObserved]) -> datetime | None:
        """When to read again instead: a tenant of ours is not everywhere at once, and while it is being made it is that operation's."""
        observed = event.data
        written = await self._operations.last_write(observed.tenant_id)
        if written is not None and observed.began_at < written + self._visibility:
            return written + self._visibility
        domain = str((observed.state or {}).get("domain") or "").lower()
        if domain and await self._operations.open_matching(event.meta.reseller, [f"domain/{domain}"]):
            return self._clock.now() + self._visibility
        return None

    def _decide(
        self, event: Recorded[ExternalStateObserved], history: Sequence[Recorded[Any]]
    ) -> list[tuple[Recorded[Any], list[Also]]]:
        observed = event.data
        if observed.state is None:
            if not history or isinstance(history[-1].data, TenantOffboarded):
                return []
            meta = self._meta(event, observed.tenant_id, history[-1].meta.customer)
            gone = TenantOffboarded(tenant_id=observed.tenant_id)
            return [
                (
                    Recorded(
                        stream=observed.tenant_id, version=history[-1].version + 1, data=gone, meta=meta
                    ),
                    [],
                )
            ]
        domain = str(observed.state.get("domain") or "").lower()
        if not history:
            return self._discover(event, domain)
        if isinstance(history[-1].data, TenantOffboarded):
            return [self._come_back(event, domain, history[-1])]
        return []

    def _come_back(
        self, event: Recorded[ExternalStateObserved], domain: str, last: Recorded[Any]
    ) -> tuple[Recorded[Any], list[Also]]:
        """A tenant that had left is discovered again, for the organisation that it belonged to."""
        observed, told = event.data, event.data.state or {}
        back = TenantDiscovered(
            tenant_id=observed.tenant_id,
            customer_id=last.meta.customer or "",
            microsoft_tenant_id=observed.microsoft_tenant_id,
            domain=domain,
            company_name=str(told.get("company_name") or domain),
            country=str(told.get("country") or ""),
        )
        meta = self._meta(event, observed.tenant_id, last.meta.customer)
        return Recorded(stream=observed.tenant_id, version=last.version + 1, data=back, meta=meta), []

    def _discover(
        self, event: Recorded[ExternalStateObserved], domain: str
    ) -> list[tuple[Recorded[Any], list[Also]]]:
        observed, told = event.data, event.data.state or {}
        customer_id = named_id(Kind.CUSTOMER, event.meta.reseller, observed.microsoft_tenant_id)
        name, country = str(told.get("company_name") or domain), str(told.get("country") or "")
        meta = self._meta(event, observed.tenant_id, customer_id)
        customer_meta = self._meta(event, customer_id, customer_id)
        added = CustomerAdded(
            customer_id=customer_id,
            name=name,
            country=country,
            status="unallocated",
            external_refs={"microsoft_tenant_id": observed.microsoft_tenant_id},
        )
        discovered = TenantDiscovered(
            tenant_id=observed.tenant_id,
            customer_id=customer_id,
            microsoft_tenant_id=observed.microsoft_tenant_id,
            domain=domain,
            company_name=name,
            country=country,
        )
        organisation = self._rows.organisation(
            customer_id=customer_id,
            reseller=event.meta.reseller,
            name=name,
            status="unallocated",
            country=country,
            address=None,
            contact=None,
            at=meta.recorded_at,
        )
        tenant = self._rows.tenant(
            TenantRow(
                tenant_id=observed.tenant_id,
                reseller_id=event.meta.reseller,
                customer_id=customer_id,
                microsoft_tenant_id=observed.microsoft_tenant_id,
                domain=domain,
                company_name=name,
                country=country,
                administrator=None,
            ),
            meta.recorded_at,
        )
        return [
            (Recorded(stream=customer_id, version=1, data=added, meta=customer_meta), [organisation]),
            (Recorded(stream=observed.tenant_id, version=1, data=discovered, meta=meta), [tenant]),
        ]

    def _meta(self, event: Recorded[ExternalStateObserved], partition_key: str, customer: str | None) -> Meta:
        now = self._clock.now()
        return Meta(
            reseller=event.meta.reseller,
            customer=customer,
            tenant=event.data.tenant_id,
            partition_key=partition_key,
            effective_at=event.data.changed_at or event.data.began_at,
            recorded_at=now,
            origin=Origin.MICROSOFT,
            actor="microsoft",
            causation_id=event.event_id,
            effective_basis=EffectiveBasis.READING,
            trace=event.meta.trace,
        )
