"""Partner tenants and their sign-ins (PC 1)."""

from datetime import datetime
from typing import Any, Literal

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


class PartnerProfile(Row, frozen=True, kw_only=True):
    """What a partner has changed of its own profiles; `id` is the partner's. The rest follows from the partner."""

    billing: dict[str, Any]
    support: dict[str, str]
    version: int = 1


class Grant(Row, frozen=True, kw_only=True):
    """A refresh token that was issued; `id` is the token's SHA-256, `used_at` its last redemption."""

    partner_id: str
    user_id: str
    user_principal_name: str
    roles: tuple[str, ...]
    mfa: bool
    used_at: datetime


class Code(Row, frozen=True, kw_only=True):
    """An authorisation code that a sign-in gave; `id` is the code's SHA-256. It can be redeemed once."""

    partner_id: str
    redirect_uri: str
    nonce: str
    challenge: str
    challenge_method: str
    expires_at: datetime
    redeemed: bool = False


class Laggard(Row, frozen=True, kw_only=True):
    """The last call of a user without an MFA claim (PC 1.2, `partnerRequests`); `id` is partner/user."""

    partner_id: str
    user_id: str
    user_principal_name: str
    at: datetime
