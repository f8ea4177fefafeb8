"""The drift inbox: differences that last, each with its age, its effect in money and what was decided about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from csp_contracts.envelope import Meta, Origin, Recorded
from csp_contracts.ids import Kind
from csp_contracts.partner_feed_v1 import DriftFound, DriftResolved
from csp_partner_feed.adapters.drift_policies import DriftPolicies
from csp_partner_feed.adapters.reads import wanted
from csp_partner_feed.application import Decision, Drift, Enforcement
from csp_partner_feed.domain.drift import (
    ASK,
    IGNORE,
    MICROSOFT,
    OURS,
    Policy,
    Price,
    differences,
    monthly_effect,
    side_for,
)
from csp_partner_feed.domain.observation import Channel, Resource
from csp_partner_feed.domain.wishes import Wish
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.new_ids import new_id
from csp_runtime.scope import Scope
from csp_runtime.store import Also, EventStore

CONVERGED = "converged"
# A difference that comes back so soon after a policy has resolved it waits for a person.
_POLICY_RESTS = timedelta(days=1)


class DriftRows:
    """Rows of `drifts`, and their events."""

    def __init__(
        self, store: EventStore, worker: Database, request: Database, policies: DriftPolicies, clock: Clock
    ) -> None:
        self._store = store
        self._worker = worker
        self._request = request
        self._policies = policies
        self._clock = clock

    async def look(self, settled_before: datetime) -> int:
        """Compare what has settled on both sides since before an instant; open what differs, tell anew what differs otherwise, close
        what agrees again. What a policy resolves is opened and resolved at once. How many changed.

        Raises `VersionConflict` where a person decided at the same moment.
        """
        async with self._worker.connection() as connection:
            rows = await (await connection.execute(_SETTLED, {"before": settled_before})).fetchall()
        policies: dict[str, dict[tuple[str, str], Policy]] = {}
        changed = 0
        for row in rows:
            reseller = row["reseller_id"]
            if reseller not in policies:
                policies[reseller] = await self._policies.of(reseller)
            found = differences(row["confirmed"], row["state"])
            if row["drift_id"] is not None:
                changed += await self._follow(row, found)
            elif found and not _was_ignored(row, found):
                await self._open(row, found, policies[reseller])
                changed += 1
        return changed

    async def _follow(self, row: DictRow, found: dict[str, list[str | None]]) -> int:
        """An open one: gone, changed, or as it was."""
        if not found:
            decision = Decision(side=MICROSOFT, policy=CONVERGED, actor=None, reason=None)
            await self.resolve(_drift_key(row), decision)
            return 1
        if found != row["fields"]:
            await self._tell(row, row["drift_id"], row["version"] + 1, found, row["suggested_side"])
            return 1
        return 0

    async def _open(
        self, row: DictRow, found: dict[str, list[str | None]], policies: Mapping[tuple[str, str], Policy]
    ) -> None:
        side, policy = side_for(policies, row["tenant_id"], found)
        drift_id = new_id(Kind.DRIFT)
        await self._tell(row, drift_id, 1, found, MICROSOFT if side == ASK else side)
        rests = row["last_policy"] is not None and self._clock.now() - row["last_resolved_at"] < _POLICY_RESTS
        if side == ASK or rests:
            return
        decision = Decision(side=side, policy=policy, actor=None, reason=None)
        key = (row["reseller_id"], row["tenant_id"], drift_id, 1)
        await self.resolve(
            key, decision, ours={field: pair[0] for field, pair in found.items()}, of=_resource(row)
        )

    async def _tell(
        self, row: DictRow, drift_id: str, version: int, found: dict[str, list[str | None]], suggested: str
    ) -> None:
        now = self._clock.now()
        price = None
        if row["unit_price_micro"] is not None:
            price = Price(
                currency=row["currency"],
                unit_price_micro=row["unit_price_micro"],
                charge_cycle=row["charge_cycle"],
            )
        money = monthly_effect(row["confirmed"], row["state"], price)
        currency = None if price is None or money is None else price.currency
        data = DriftFound(
            drift_id=drift_id,
            resource="subscription",
            resource_id=row["resource_id"],
            tenant_id=row["tenant_id"],
            fields=found,
            suggested_side=suggested,
            money_minor=money,
            currency=currency,
        )

        def write(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                """
                insert into drifts (drift_id, reseller_id, tenant_id, resource, resource_id, fields, suggested_side, found_at,
                    money_minor, currency)
                values (%s, %s, %s, 'subscription', %s, %s, %s, %s, %s, %s)
                on conflict (drift_id) do update set fields = excluded.fields, money_minor = excluded.money_minor,
                    currency = excluded.currency, version = drifts.version + 1
                """,
                [
                    drift_id,
                    row["reseller_id"],
                    row["tenant_id"],
                    row["resource_id"],
                    Jsonb(found),
                    suggested,
                    now,
                    money,
                    currency,
                ],
            )

        event = self._recorded(
            (row["reseller_id"], row["tenant_id"], drift_id, version), data, None, None, now
        )
        await self._store.save([event], also=[write])

    async def listed(self, scope: Scope, *, is_open: bool, after: str | None, limit: int) -> Sequence[Drift]:
        """A page: what waits for a decision, oldest first, or what was decided, newest first; `after` is the id that ended the last page."""
        order, direction, column = ("asc", ">", "found_at") if is_open else ("desc", "<", "resolved_at")
        async with self._request.transaction(scope) as tx:
            cursor = await tx.execute(
                f"""
                select * from drifts where reseller_id = %(reseller)s and (resolved_at is null) = %(open)s and (
                    %(after)s::text is null or ({column}, drift_id) {direction} (
                        select {column}, drift_id from drifts where reseller_id = %(reseller)s and drift_id = %(after)s
                    )
                )
                order by {column} {order}, drift_id {order} limit %(limit)s
                """.encode(),
                {"reseller": scope.reseller, "open": is_open, "after": after, "limit": limit},
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
        decision: Decision,
        *,
        ours: Mapping[str, str | None] | None = None,
        of: tuple[str, str, str] | None = None,
    ) -> None:
        """Close (reseller, tenant, drift, version), with the event. For Microsoft's side and ours the resource `of` (reseller, Microsoft's
        tenant and id) is read and told again, so that its owner takes over what Microsoft shows; `ours` is enforced afterwards.

        Raises `VersionConflict` where somebody else was quicker.
        """
        reseller, tenant_id, drift_id, version = key
        now = self._clock.now()
        enforced = {field: value for field, value in (ours or {}).items() if value is not None}
        to_enforce = Jsonb(enforced) if decision.side == OURS and enforced else None
        data = DriftResolved(
            drift_id=drift_id,
            side=decision.side,
            policy=decision.policy,
            changed_fields=sorted(ours or {}) if decision.side != IGNORE else [],
        )

        def close(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                """
                update drifts set resolved_at = %s, side = %s, policy = %s, decided_by = %s, reason = %s, to_enforce = %s,
                    version = version + 1
                where reseller_id = %s and drift_id = %s and resolved_at is null
                """,
                [
                    now,
                    decision.side,
                    decision.policy,
                    decision.actor,
                    decision.reason,
                    to_enforce,
                    reseller,
                    drift_id,
                ],
            )

        also: list[Also] = [close]
        if of is not None and decision.side != IGNORE:
            also.append(wanted([_told_again(of, now)]))
        event = self._recorded(
            (reseller, tenant_id, drift_id, version + 1), data, decision.actor, decision.reason, now
        )
        await self._store.save([event], also=also)

    async def to_enforce(self) -> Sequence[Enforcement]:
        """Decisions for our side whose owner has taken over what Microsoft shows, so that a command means something."""
        async with self._worker.connection() as connection:
            rows = await (
                await connection.execute(
                    """
                    select d.*, r.confirmed, r.state from drifts d
                    join resources r on r.reseller_id = d.reseller_id and r.resource = d.resource
                        and r.resource_id = d.resource_id
                    where d.to_enforce is not null and r.began_at >= d.resolved_at order by d.resolved_at limit 100
                    """
                )
            ).fetchall()
        return [
            Enforcement(
                reseller=row["reseller_id"],
                drift_id=row["drift_id"],
                resource_id=row["resource_id"],
                ours=row["to_enforce"],
            )
            for row in rows
            if not differences(row["confirmed"] or {}, row["state"] or {})
        ]

    async def enforced(self, wanted: Enforcement, field: str, fault: str | None) -> None:
        """One field was handed to its owner, or refused for good (`fault`: a code); the others wait for their turn."""
        async with self._worker.connection() as connection:
            await connection.execute(
                """
                update drifts set fault = coalesce(%(fault)s, fault),
                    to_enforce = case when to_enforce - %(field)s = '{}'::jsonb then null else to_enforce - %(field)s end
                where reseller_id = %(reseller)s and drift_id = %(drift)s
                """,
                {"fault": fault, "field": field, "reseller": wanted.reseller, "drift": wanted.drift_id},
            )

    def _recorded(
        self,
        key: tuple[str, str, str, int],
        data: DriftFound | DriftResolved,
        actor: str | None,
        reason: str | None,
        now: datetime,
    ) -> Recorded[Any]:
        reseller, tenant_id, drift_id, version = key
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


# What has settled on both sides, with the open drift or the last resolved one; the rules themselves are `differences`.
_SETTLED = """
select r.reseller_id, r.resource_id, r.microsoft_tenant_id, r.microsoft_id, r.confirmed, r.state, t.tenant_id,
    d.drift_id, d.version, d.fields, d.suggested_side,
    l.fields as last_fields, l.side as last_side, l.decided_by as last_actor, l.resolved_at as last_resolved_at,
    case when l.policy <> 'converged' then l.policy end as last_policy,
    p.currency, p.unit_price_micro, p.charge_cycle
from resources r
join tenants t using (reseller_id, microsoft_tenant_id)
left join drifts d on d.resource = r.resource and d.resource_id = r.resource_id and d.resolved_at is null
left join lateral (
    select * from drifts l where l.resource = r.resource and l.resource_id = r.resource_id and l.resolved_at is not null
    order by l.found_at desc limit 1
) l on d.drift_id is null
left join prices p on p.subscription_id = r.resource_id and p.reseller_id = r.reseller_id
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
"""


def _was_ignored(row: DictRow, found: dict[str, list[str | None]]) -> bool:
    """A person left this very difference as it is."""
    return bool(row["last_side"] == IGNORE and row["last_fields"] == found)


def _resource(row: DictRow) -> tuple[str, str, str]:
    return (row["reseller_id"], row["microsoft_tenant_id"], row["microsoft_id"])


def _told_again(of: tuple[str, str, str], now: datetime) -> Wish:
    reseller, tenant, microsoft_id = of
    return Wish(
        reseller=reseller,
        resource=Resource.SUBSCRIPTION,
        microsoft_tenant_id=tenant,
        microsoft_id=microsoft_id,
        channel=Channel.REFRESH,
        due_at=now,
        is_forced=True,
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
        money_minor=row["money_minor"],
        currency=row["currency"],
        suggested_side=row["suggested_side"],
        found_at=row["found_at"],
        age_seconds=max(0.0, ((row["resolved_at"] or now) - row["found_at"]).total_seconds()),
        version=row["version"],
        resolved_at=row["resolved_at"],
        side=row["side"],
        policy=row["policy"],
        decided_by=row["decided_by"],
        reason=row["reason"],
        fault=row["fault"],
        is_pending=row["to_enforce"] is not None,
    )
