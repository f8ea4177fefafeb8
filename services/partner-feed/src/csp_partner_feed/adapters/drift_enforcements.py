"""Decisions for our side that Microsoft does not show yet."""

from collections.abc import Sequence

from csp_partner_feed.domain.drift import differences
from csp_partner_feed.ports import Enforcement
from csp_runtime.database import Database


class DriftEnforcements:
    """What is still to be handed to the owners of drifted resources."""

    def __init__(self, worker: Database) -> None:
        self._worker = worker

    async def waiting(self) -> Sequence[Enforcement]:
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

    async def done(self, wanted: Enforcement, field: str, fault: str | None) -> None:
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
