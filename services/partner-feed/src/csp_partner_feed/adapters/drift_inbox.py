"""The drift inbox as people read it: pages of what waits and of what was decided."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import DictRow

from csp_partner_feed.ports import Drift
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.scope import Scope


class DriftInbox:
    """Rows of `drifts`, each with its age."""

    def __init__(self, request: Database, clock: Clock) -> None:
        self._request = request
        self._clock = clock

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
