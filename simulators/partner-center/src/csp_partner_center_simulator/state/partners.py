"""Partner tenants and their sign-ins (PC 1)."""

from datetime import datetime
from typing import Literal

import msgspec

from csp_partner_center_simulator.state.table import Row


class IndirectReseller(msgspec.Struct, frozen=True, kw_only=True):
    """A reseller below an indirect provider; it has no API access of its own (PC 1.2)."""

    mpn_id: str
    name: str
    tenant_id: str


class Partner(Row, frozen=True, kw_only=True):
    """A partner tenant; `id` is its tenant id, `billing_day` its legacy billing anniversary (PC 10.1)."""

    name: str
    kind: Literal["direct", "provider"]
    country: str
    currency: str
    mpn_id: str
    client_id: str
    client_secret: str
    refresh_token: str
    user_id: str
    user_principal_name: str
    billing_day: int
    created_at: datetime
    resellers: tuple[IndirectReseller, ...] = ()


class Grant(Row, frozen=True, kw_only=True):
    """A refresh token that was issued; `id` is the token's SHA-256, `used_at` its last redemption."""

    partner_id: str
    user_id: str
    user_principal_name: str
    roles: tuple[str, ...]
    mfa: bool
    used_at: datetime


class Laggard(Row, frozen=True, kw_only=True):
    """The last call of a user without an MFA claim (PC 1.2, `partnerRequests`); `id` is partner/user."""

    partner_id: str
    user_id: str
    user_principal_name: str
    at: datetime
