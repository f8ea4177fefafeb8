"""The drift inbox: differences that last, each with its age and what was decided about it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from csp_contracts.envelope import Meta, Origin, Recorded
from csp_contracts.ids import Kind
from csp_contracts.partner_feed_v1 import DriftFound, DriftResolved
from csp_partner_feed.application import Drift
from csp_partner_feed.domain.drift import MICROSOFT, differences
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.new_ids import new_id
from csp_runtime.scope import Scope
from csp_runtime.store import EventStore

CONVERGED = "converged"


class DriftRows:
    """Rows of `drifts`, and their events."""

    def __init__(self, store: EventStore, worker: Database, request: Database, clock: Clock) -> None:
        self._store = store
        self._worker = worker
        self._request = request
        self._clock = clock

    async def look(self, settled_before: datetime) -> int:
        """Compare what has settled on both sides since before an instant; open what differs, close what agrees again."""
        async with self._worker.connection() as connection:
            cursor = await connection.execute(
                """
                select r.reseller_id, r.resource_id, r.confirmed, r.state, t.tenant_id, d.drift_id, d.version, d.fields
                from resources r
                join tenants t using (reseller_id, microsoft_tenant_id)
                left join drifts d on d.resource = r.resource and d.resource_id = r.resource_id and d.resolved_at is null
                where r.resource = 'subscription' and not r.is_gone and r.confirmed is not null and r.state is not null
                    and r.began_at <= %(before)s and r.confirmed_at <= %(before)s
                    and (
                        d.drift_id is not null
                        or r.confirmed ->> 'status' is distinct from case r.state ->> 'status'
                            when 'deleted' then 'cancelled' when 'disabled' then 'expired' else r.state ->> 'status' end
                        or r.confirmed ->> 'quantity' is distinct from r.state ->> 'quantity'
                            and r.state ->> 'status' in ('active', 'suspended')
                        or r.confirmed ->> 'auto_renew' is distinct from r.state ->> 'auto_renew'
                            and r.state ->> 'status' = 'active'
                    )
                order by r.reseller_id, r.resource_id limit 1000
                """,
                {"before": settled_before},
            )
            rows = await cursor.fetchall()
        changed = 0
        for row in rows:
            found = differences(row["confirmed"], row["state"])
            if found and row["drift_id"] is None:
                await self._open(row, found)
                changed += 1
            elif not found and row["drift_id"] is not None:
                await self.resolve(_drift_key(row), side=MICROSOFT, policy=CONVERGED, actor=None, reason=None)
                changed += 1
        return changed

    async def open_ones(self, scope: Scope) -> Sequence[Drift]:
        """What waits for a decision, oldest first."""
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(
                "select * from drifts where reseller_id = %s and resolved_at is null order by found_at, drift_id limit 500",
                [scope.reseller],
            )
            now = self._clock.now()
            return [_drift(row, now) for row in await cursor.fetchall()]

    async def get(self, scope: Scope, drift_id: str) -> Drift | None:
        """One that waits for a decision, inside the scope."""
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(
                "select * from drifts where reseller_id = %s and drift_id = %s and resolved_at is null",
                [scope.reseller, drift_id],
            )
            row = await cursor.fetchone()
        return None if row is None else _drift(row, self._clock.now())

    async def resolve(
        self,
        key: tuple[str, str, str, int],
        *,
        side: str,
        policy: str | None,
        actor: str | None,
        reason: str | None,
    ) -> None:
        """Close it, with the event. Raises `VersionConflict` where somebody else was quicker."""
        reseller, tenant_id, drift_id, version = key
        now = self._clock.now()
        data = DriftResolved(drift_id=drift_id, side=side, policy=policy)

        def close(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                """
                update drifts set resolved_at = %s, side = %s, policy = %s, decided_by = %s, reason = %s, version = version + 1
                where drift_id = %s and resolved_at is null
                """,
                [now, side, policy, actor, reason, drift_id],
            )

        event = self._recorded(reseller, tenant_id, drift_id, version + 1, data, actor, reason, now)
        await self._store.save([event], also=[close])

    async def _open(self, row: DictRow, fields: dict[str, list[str | None]]) -> None:
        drift_id, now = new_id(Kind.DRIFT), self._clock.now()
        data = DriftFound(
            drift_id=drift_id,
            resource="subscription",
            resource_id=row["resource_id"],
            tenant_id=row["tenant_id"],
            fields=fields,
            suggested_side=MICROSOFT,
        )

        def insert(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                """
                insert into drifts (drift_id, reseller_id, tenant_id, resource, resource_id, fields, suggested_side, found_at)
                values (%s, %s, %s, 'subscription', %s, %s, %s, %s)
                """,
                [
                    drift_id,
                    row["reseller_id"],
                    row["tenant_id"],
                    row["resource_id"],
                    Jsonb(fields),
                    MICROSOFT,
                    now,
                ],
            )

        event = self._recorded(row["reseller_id"], row["tenant_id"], drift_id, 1, data, None, None, now)
        await self._store.save([event], also=[insert])

    def _recorded(
        self,
        reseller: str,
        tenant_id: str,
        drift_id: str,
        version: int,
        data: DriftFound | DriftResolved,
        actor: str | None,
        reason: str | None,
        now: datetime,
    ) -> Recorded[Any]:
        return Recorded(
            stream=drift_id,
            version=version,
            data=data,
            meta=Meta(
                reseller=reseller,
                partition_key=tenant_id,
                tenant=tenant_id,
                effective_at=now,
                recorded_at=now,
                origin=Origin.PORTAL if actor else Origin.RECONCILIATION,
                actor=actor or "system",
                reason=reason,
            ),
        )


def _drift_key(row: DictRow) -> tuple[str, str, str, int]:
    return (row["reseller_id"], row["tenant_id"], row["drift_id"], row["version"])


def _drift(row: DictRow, now: datetime) -> Drift:
    return Drift(
        drift_id=row["drift_id"],
        reseller=row["reseller_id"],
        tenant_id=row["tenant_id"],
        resource=row["resource"],
        resource_id=row["resource_id"],
        fields=row["fields"],
        suggested_side=row["suggested_side"],
        found_at=row["found_at"],
        age_seconds=max(0.0, (now - row["found_at"]).total_seconds()),
        version=row["version"],
    )
