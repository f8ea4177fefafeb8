"""The drift inbox: differences that last, each with its age, its effect in money and what was decided about it."""

from collections.abc import Mapping
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
from csp_partner_feed.adapters.settled import SETTLED
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
from csp_partner_feed.ports import Decision
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.new_ids import new_id
from csp_runtime.store import Also, CommandKey, EventStore

CONVERGED = "converged"
_SAID = ("reason", "ticket", "correlation_id", "causation_id")
# A difference that comes back so soon after a policy has resolved it waits for a person.
_POLICY_RESTS = timedelta(days=1)


class DriftRows:
    """Opens, tells anew and closes drifts: rows of `drifts`, and their events."""

    def __init__(self, store: EventStore, worker: Database, policies: DriftPolicies, clock: Clock) -> None:
        self._store = store
        self._worker = worker
        self._policies = policies
        self._clock = clock

    async def look(self, settled_before: datetime) -> int:
        """Compare what has settled on both sides since before an instant; open what differs, tell anew what differs otherwise, close
        what agrees again. What a policy resolves is opened and resolved at once. How many changed.

        Raises `VersionConflict` where a person decided at the same moment.
        """
        async with self._worker.connection() as connection:
            rows = await (await connection.execute(SETTLED, {"before": settled_before})).fetchall()
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

        event = self._recorded((row["reseller_id"], row["tenant_id"], drift_id, version), data, None, now)
        await self._store.save([event], also=[write])

    async def resolve(
        self,
        key: tuple[str, str, str, int],
        decision: Decision,
        *,
        ours: Mapping[str, str | None] | None = None,
        of: tuple[str, str, str] | None = None,
        asked: CommandKey | None = None,
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
        event = self._recorded((reseller, tenant_id, drift_id, version + 1), data, decision, now)
        await self._store.save([event], key=asked, also=also)

    async def check_key(self, asked: CommandKey) -> None:
        """As the port says."""
        await self._store.check_key(asked)

    def _recorded(
        self,
        key: tuple[str, str, str, int],
        data: DriftFound | DriftResolved,
        decision: Decision | None,
        now: datetime,
    ) -> Recorded[Any]:
        reseller, tenant_id, drift_id, version = key
        actor = None if decision is None else decision.actor
        said = {}
        if decision is not None:
            said = {name: getattr(decision, name) for name in _SAID}
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
                **said,
            ),
        )


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
