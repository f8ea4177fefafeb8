"""Differences between us and Microsoft, and who decides of them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from csp_gateway.models.base import Body, Money, Resource, View


class Drift(Resource):
    """A difference between us and Microsoft that lasts."""

    tenant_id: str
    resource: str
    resource_id: str
    fields: dict[str, list[str | None]] = Field(description="field to [ours, Microsoft's]")
    monthly_effect: Money | None = Field(
        description="what Microsoft's side is more (or less) a month at the sales price; null without a price"
    )
    suggested_side: str
    found_at: datetime
    age_seconds: float = Field(description="until now, or until it was decided")
    resolved_at: datetime | None
    side: str | None = Field(description="`microsoft`, `ours` or `ignore`")
    policy: str | None = Field(
        description="what decided instead of a person; `converged`: it vanished by itself"
    )
    decided_by: str | None
    reason: str | None
    is_pending: bool = Field(description="our side was chosen, and Microsoft does not show it yet")
    fault: str | None = Field(description="code with which our side was refused")


class DriftDecision(Body):
    """Take Microsoft's side, ours (Microsoft's is recorded first, then a command brings it back), or leave things as they are."""

    side: Literal["microsoft", "ours", "ignore"]
    reason: str = Field(min_length=1, max_length=500)


class DriftDecided(View):
    """What was decided."""

    id: str
    side: str


class DriftPolicy(Body):
    """Whose side is taken without asking. The most particular one holds: tenant and field, tenant, field, all."""

    tenant_id: str | None = Field(None, max_length=100, description="absent: every tenant")
    field: Literal["status", "quantity", "auto_renew"] | None = Field(None, description="absent: every field")
    side: Literal["microsoft", "ours", "ask"]
    reason: str = Field(min_length=1, max_length=500)


class DriftPolicyShown(View):
    """A policy, and who set it."""

    tenant_id: str | None
    field: str | None
    side: str
    set_by: str
    set_at: datetime
    reason: str
