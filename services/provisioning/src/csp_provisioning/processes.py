"""Observations of tenants in: a tenant nobody told us of is discovered, with an organisation of its own, unallocated."""

from collections.abc import Sequence
from typing import Any

from csp_contracts.envelope import EffectiveBasis, Meta, Origin, Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_contracts.provisioning_v1 import CustomerAdded, TenantDiscovered, TenantOffboarded
from csp_provisioning.adapters.organisations import OrganisationStatements
from csp_provisioning.ports import TenantRow
from csp_runtime.clock import Clock
from csp_runtime.consumer import Reaction
from csp_runtime.operations import Operations
from csp_runtime.store import Also, EventStore


class TenantObservations:
    """Decides what an observation of a tenant means."""

    name = "provisioning.observations"
    contexts = ("partner-feed",)
    streams = frozenset({Kind.OBSERVATION})
    types = frozenset({ExternalStateObserved})

    def __init__(self, store: EventStore, operations: Operations, clock: Clock) -> None:
        self._store = store
        self._operations = operations
        self._clock = clock
        self._rows = OrganisationStatements()

    async def react(self, events: Sequence[Recorded[Any]]) -> Reaction:
        """At most one discovery per tenant, whatever the batch repeats."""
        seen = [event for event in events if event.data.resource == "tenant"]
        known = await self._store.load_many(sorted({event.data.tenant_id for event in seen}))
        made: list[Recorded[Any]] = []
        also: list[Also] = []
        for event in seen:
            history = known[event.data.tenant_id]
            for recorded, statements in await self._decide(event, history):
                made.append(recorded)
                also.extend(statements)
                if recorded.stream == event.data.tenant_id:
                    history.append(recorded)
        return Reaction(events=made, also=also)

    async def _decide(
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
        if history:
            return []
        domain = str(observed.state.get("domain") or "").lower()
        if await self._operations.open_matching(event.meta.reseller, [f"domain/{domain}"]) is not None:
            # Our own creation is not settled yet: the tenant is that operation's.
            return []
        return self._discover(event, domain)

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
