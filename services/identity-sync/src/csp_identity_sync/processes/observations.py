"""Observed users in, user events out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from csp_contracts.envelope import EffectiveBasis, Meta, Origin, Recorded
from csp_contracts.identity_sync_v1 import (
    LicenseAssigned,
    LicenseUnassigned,
    UserCreated,
    UserDeleted,
    UserRestored,
)
from csp_contracts.ids import Kind
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_identity_sync.adapters.directory import (
    DirectoryRows,
    change_skus,
    change_user,
    insert_user,
    want_names,
)
from csp_identity_sync.ports import Tenant
from csp_runtime.clock import Clock
from csp_runtime.handlers import Reaction
from csp_runtime.operations import Operations
from csp_runtime.rereads import reread_at
from csp_runtime.scope import service_scope
from csp_runtime.store import Also, EventStore


class UserObservations:
    """Decides what an observation of a user means: made, changed, deleted, restored, licences more or fewer."""

    name = "identity-sync.observations"
    contexts = ("partner-feed",)
    streams = frozenset({Kind.OBSERVATION})
    types = frozenset({ExternalStateObserved})

    def __init__(
        self,
        *,
        store: EventStore,
        directory: DirectoryRows,
        operations: Operations,
        clock: Clock,
        visibility: timedelta,
    ) -> None:
        self._store = store
        self._directory = directory
        self._operations = operations
        self._clock = clock
        self._visibility = visibility

    async def react(self, events: Sequence[Recorded[Any]]) -> Reaction:
        """Each observation in turn, on the events that the ones before it added."""
        seen = [event for event in events if event.data.resource == "user"]
        histories = await self._store.load_many(sorted({event.data.resource_id for event in seen}))
        made: list[Recorded[Any]] = []
        also: list[Also] = []
        for event in seen:
            history = histories[event.data.resource_id]
            tenant = await self._directory.tenant(
                service_scope(event.meta.reseller, "identity-sync"), event.data.tenant_id
            )
            if tenant is None:
                # Its tenant is not known here yet: an incomplete row is better than a lost user.
                tenant = _unknown_tenant(event)
            decided, wanted = _decide(event, history, tenant)
            if decided and (due := await self._uncertain_until(event)) is not None:
                also.append(
                    reread_at("user", event.data.resource_id, event.meta.reseller, event.data.tenant_id, due)
                )
                continue
            also += wanted
            for data, statements in decided:
                version = len(history) + 1
                recorded = Recorded(
                    stream=event.data.resource_id,
                    version=version,
                    data=data,
                    meta=self._meta(event, tenant, history),
                )
                history.append(recorded)
                made.append(recorded)
                also += statements
        return Reaction(events=made, also=also)

    async def _uncertain_until(self, event: Recorded[ExternalStateObserved]) -> datetime | None:
        """When to read again instead: old values show for a while after a write of ours, and one that is under way writes its own."""
        observed = event.data
        written = await self._operations.last_write(observed.resource_id)
        if written is not None and observed.began_at < written + self._visibility:
            return written + self._visibility
        if await self._operations.open_on(event.meta.reseller, observed.resource_id) is not None:
            return self._clock.now() + self._visibility
        return None

    def _meta(
        self, event: Recorded[ExternalStateObserved], tenant: Tenant, history: Sequence[Recorded[Any]]
    ) -> Meta:
        now = self._clock.now()
        return Meta(
            reseller=event.meta.reseller,
            customer=tenant.customer_id or None,
            tenant=event.data.tenant_id,
            partition_key=event.data.tenant_id,
            effective_at=event.data.changed_at or event.data.began_at,
            recorded_at=max([now, *(each.meta.recorded_at for each in history)]),
            origin=Origin.MICROSOFT,
            actor="microsoft",
            causation_id=event.event_id,
            effective_basis=EffectiveBasis.READING,
            trace=event.meta.trace,
        )


def _unknown_tenant(event: Recorded[ExternalStateObserved]) -> Tenant:
    return Tenant(
        tenant_id=event.data.tenant_id,
        reseller_id=event.meta.reseller,
        customer_id="",
        microsoft_tenant_id=event.data.microsoft_tenant_id,
        domain="",
        country="",
    )


def _decide(
    event: Recorded[ExternalStateObserved], history: Sequence[Recorded[Any]], tenant: Tenant
) -> tuple[list[tuple[Any, list[Also]]], list[Also]]:
    """What follows for the stream, each event with its statements; and statements that need no event."""
    observed, reseller = event.data, event.meta.reseller
    user_id, tenant_id = observed.resource_id, observed.tenant_id
    told = observed.state
    version = len(history) + 1
    if told is None or told.get("is_deleted"):
        if not history or _is_deleted(history):
            return [], []
        gone = change_user(user_id, reseller, version, status="deleted", sku_ids=[])
        return [(UserDeleted(user_id=user_id, tenant_id=tenant_id), [gone])], []
    decided: list[tuple[Any, list[Also]]] = []
    wanted: list[Also] = []
    names = want_names(user_id, reseller, observed.observation_id)
    if not history:
        created = UserCreated(
            user_id=user_id,
            tenant_id=tenant_id,
            microsoft_user_id=observed.microsoft_id,
            is_administrator=bool(told.get("is_administrator", False)),
        )
        row = insert_user(
            user_id=user_id,
            reseller=reseller,
            tenant=tenant,
            microsoft_user_id=observed.microsoft_id,
            names={},
            is_administrator=created.is_administrator,
            version=1,
            at=event.meta.recorded_at,
        )
        decided.append((created, [row, names]))
    elif _is_deleted(history):
        back = change_user(user_id, reseller, version, status="active")
        decided.append((UserRestored(user_id=user_id, tenant_id=tenant_id), [back, names]))
    else:
        # Names may have changed: whoever fetches them sees it, and says so.
        wanted = [names]
    decided += _licences(observed, reseller, _held(history), version + len(decided))
    return decided, wanted


def _licences(
    observed: ExternalStateObserved, reseller: str, held: set[str], version: int
) -> list[tuple[Any, list[Also]]]:
    told = (observed.state or {}).get("sku_ids")
    if not isinstance(told, list):
        return []
    shown = {str(item["sku_id"]).lower() for item in told}
    user_id, tenant_id = observed.resource_id, observed.tenant_id
    found: list[tuple[Any, list[Also]]] = []
    for sku in sorted(shown - held):
        data = LicenseAssigned(user_id=user_id, tenant_id=tenant_id, sku_id=sku)
        found.append((data, [change_skus(user_id, reseller, version + len(found), add=sku, remove=None)]))
    for sku in sorted(held - shown):
        gone = LicenseUnassigned(user_id=user_id, tenant_id=tenant_id, sku_id=sku)
        found.append((gone, [change_skus(user_id, reseller, version + len(found), add=None, remove=sku)]))
    return found


def _is_deleted(history: Sequence[Recorded[Any]]) -> bool:
    for event in reversed(history):
        if isinstance(event.data, UserDeleted):
            return True
        if isinstance(event.data, UserRestored | UserCreated):
            return False
    return False


def _held(history: Sequence[Recorded[Any]]) -> set[str]:
    held: set[str] = set()
    for event in history:
        match event.data:
            case LicenseAssigned(sku_id=sku):
                held.add(sku)
            case LicenseUnassigned(sku_id=sku):
                held.discard(sku)
            case UserDeleted():
                held.clear()
    return held
