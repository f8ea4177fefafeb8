"""Tells what was observed: one event per news, saved together with what was told and with the wishes it fulfils."""

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from csp_contracts.envelope import EffectiveBasis, Meta, Origin, Recorded
from csp_contracts.ids import Kind, named_id
from csp_contracts.partner_feed_v1 import ExternalStateObserved
from csp_partner_feed.domain.observation import Observation, Published, Resource, is_news
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.errors import VersionConflict
from csp_runtime.new_ids import new_id
from csp_runtime.store import Also, EventStore
from csp_runtime.telemetry import trace_carrier

_A_SAVE = 400

Key = tuple[str, str, str]


class Publisher:
    """The only writer of ExternalStateObserved."""

    def __init__(self, store: EventStore, database: Database, clock: Clock) -> None:
        self._store = store
        self._database = database
        self._clock = clock

    async def publish(self, seen: Sequence[Observation], *, also: Sequence[Also] = ()) -> set[Key]:
        """Tell what is news; returns the keys (reseller, resource, Microsoft's id) of what was told.

        Facts that were told before are left out. `also` is written with the last save, whether or not there is news.
        """
        told: set[Key] = set()
        parts = [seen[start : start + _A_SAVE] for start in range(0, len(seen), _A_SAVE)] or [seen]
        for number, part in enumerate(parts, start=1):
            told |= await self._publish_part(part, also if number == len(parts) else ())
        return told

    async def _publish_part(self, seen: Sequence[Observation], also: Sequence[Also]) -> set[Key]:
        known = await self._known(seen)
        old_facts = await self._old_facts(seen)
        news: list[tuple[str, Observation]] = []
        readings: dict[Key, Observation] = {}
        facts: set[str] = set()
        for each in seen:
            key = (each.reseller, str(each.resource), each.microsoft_id)
            if each.audit is not None:
                fact = _fact_id(each)
                if fact not in facts and (each.reseller, each.audit.key) not in old_facts:
                    facts.add(fact)
                    news.append((fact, each))
                continue
            if is_news(each, known.get(key)):
                news.append((new_id(Kind.OBSERVATION), each))
            before = known.get(key)
            if before is None and each.state is None:
                continue  # never shown yet: when it is, it is told as new, with all that belongs to it
            if before is None or before.began_at <= each.began_at:
                readings[key] = each
                known[key] = Published(
                    digest=each.digest,
                    person_digest=each.person_digest or (before.person_digest if before else None),
                    began_at=each.began_at,
                )
        events = [self._event(observation_id, each) for observation_id, each in news]
        rows = _rows(news, list(readings.values()))
        try:
            await self._store.save(events, also=[rows, *also])
        except VersionConflict:
            if len(seen) == 1:
                # Another process told this very fact in between: done.
                await self._store.save([], also=[*also])
                return set()
            told: set[Key] = set()
            for number, each in enumerate(seen, start=1):
                told |= await self._publish_part([each], also if number == len(seen) else ())
            return told
        return {(each.reseller, str(each.resource), each.microsoft_id) for _, each in news}

    async def _known(self, seen: Sequence[Observation]) -> dict[Key, Published]:
        readings = [each for each in seen if each.audit is None]
        if not readings:
            return {}
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                """
                select r.* from resources r
                join unnest(%s::text[], %s::text[], %s::text[]) as w(reseller_id, resource, microsoft_id)
                    using (reseller_id, resource, microsoft_id)
                """,
                [
                    [each.reseller for each in readings],
                    [str(each.resource) for each in readings],
                    [each.microsoft_id for each in readings],
                ],
            )
            rows = await cursor.fetchall()
        return {
            (row["reseller_id"], row["resource"], row["microsoft_id"]): Published(
                digest=row["digest"], person_digest=row["person_digest"], began_at=row["began_at"]
            )
            for row in rows
        }

    async def _old_facts(self, seen: Sequence[Observation]) -> set[tuple[str, str]]:
        facts = [(each.reseller, each.audit.key) for each in seen if each.audit is not None]
        if not facts:
            return set()
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "select reseller_id, record_key from seen_audit where reseller_id = any(%s) and record_key = any(%s)",
                [list({fact[0] for fact in facts}), [fact[1] for fact in facts]],
            )
            return {(row["reseller_id"], row["record_key"]) for row in await cursor.fetchall()}

    def _event(self, observation_id: str, seen: Observation) -> Recorded[Any]:
        now = self._clock.now()
        data = ExternalStateObserved(
            observation_id=observation_id,
            resource=str(seen.resource),
            resource_id=seen.resource_id,
            tenant_id=seen.tenant_id,
            microsoft_tenant_id=seen.microsoft_tenant_id,
            microsoft_id=seen.microsoft_id,
            channel=str(seen.channel),
            began_at=seen.began_at,
            digest=seen.digest,
            changed_at=seen.changed_at,
            audit_id=seen.audit.key if seen.audit else None,
            audit_operation=seen.audit.operation if seen.audit else None,
            microsoft_correlation_id=seen.audit.correlation_id if seen.audit else None,
            is_first_synchronisation=seen.is_first,
            state=seen.state,
        )
        basis = EffectiveBasis.READING
        if seen.audit is not None:
            basis = EffectiveBasis.AUDIT
        elif seen.changed_at is not None:
            basis = EffectiveBasis.WEBHOOK
        return Recorded(
            stream=observation_id,
            version=1,
            data=data,
            meta=Meta(
                reseller=seen.reseller,
                partition_key=seen.tenant_id,
                tenant=seen.tenant_id,
                effective_at=seen.changed_at or seen.began_at,
                recorded_at=now,
                origin=Origin.MICROSOFT,
                actor="microsoft",
                correlation_id=seen.audit.correlation_id if seen.audit else None,
                effective_basis=basis,
                trace=trace_carrier(),
            ),
        )


def _fact_id(seen: Observation) -> str:
    key = seen.audit.key if seen.audit else ""
    return named_id(Kind.OBSERVATION, seen.reseller, f"audit/{key}/{seen.resource}/{seen.microsoft_id}")


def _rows(news: Sequence[tuple[str, Observation]], readings: Sequence[Observation]) -> Also:
    def write(cursor: Cursor[DictRow]) -> None:
        if readings:
            cursor.executemany(_RESOURCE, [_resource(each) for each in readings])
        persons = [_person(observation_id, each) for observation_id, each in news if each.person]
        if persons:
            cursor.executemany(_PERSON, persons)

    return write


# An older reading never overwrites a newer one, whichever process is the last to write.
_RESOURCE = """
insert into resources (reseller_id, resource, microsoft_id, microsoft_tenant_id, resource_id, digest, person_digest, began_at, is_gone, state)
values (%(reseller)s, %(resource)s, %(id)s, %(tenant)s, %(resource_id)s, %(digest)s, %(person_digest)s, %(began_at)s, %(gone)s,
    %(state)s)
on conflict (reseller_id, resource, microsoft_id) do update set
    microsoft_tenant_id = excluded.microsoft_tenant_id,
    digest = excluded.digest,
    person_digest = coalesce(excluded.person_digest, resources.person_digest),
    began_at = excluded.began_at,
    is_gone = excluded.is_gone,
    state = excluded.state
where resources.began_at <= excluded.began_at
"""

_PERSON = """
insert into observed_persons (observation_id, reseller_id, microsoft_tenant_id, microsoft_id, person, observed_at)
values (%s, %s, %s, %s, %s, %s) on conflict do nothing
"""


def _resource(seen: Observation) -> dict[str, Any]:
    return {
        "reseller": seen.reseller,
        "resource": str(seen.resource),
        "id": seen.microsoft_id,
        "tenant": seen.microsoft_tenant_id,
        "resource_id": seen.resource_id,
        "digest": seen.digest,
        "person_digest": seen.person_digest,
        "began_at": seen.began_at,
        "gone": seen.state is None,
        # Only subscriptions are compared with what their owner holds for true.
        "state": Jsonb(seen.state)
        if seen.resource is Resource.SUBSCRIPTION and seen.state is not None
        else None,
    }


def _person(observation_id: str, seen: Observation) -> list[Any]:
    return [
        observation_id,
        seen.reseller,
        seen.microsoft_tenant_id,
        seen.microsoft_id,
        Jsonb(dict(seen.person)),
        seen.began_at,
    ]
