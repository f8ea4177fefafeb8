"""Typed client of Microsoft Partner Center and Graph.

`connect(settings, database, clock, secret_box)` → `PartnerCenter`; `.as_reseller(id)` → one attribute per resource.
The errors and what may be concluded from each: `csp_partner_center.errors`.
"""

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Call
from csp_partner_center.client import PartnerCenter, Reseller, connect
from csp_partner_center.credentials import ClientCertificate, ClientSecret, Credentials
from csp_partner_center.errors import NotDone, OutcomeUnknown, PartnerCenterError, Refused
from csp_partner_center.secrets import Secret
from csp_partner_center.settings import CLOUDS, Cloud, PartnerCenterSettings, simulator

# Name of the PostgreSQL schema of credentials and call budgets; migrated from this package's `migrations`.
SCHEMA = "microsoft"

__all__ = [
    "CLOUDS",
    "SCHEMA",
    "Answer",
    "Call",
    "ClientCertificate",
    "ClientSecret",
    "Cloud",
    "Credentials",
    "NotDone",
    "OutcomeUnknown",
    "PartnerCenter",
    "PartnerCenterError",
    "PartnerCenterSettings",
    "Refused",
    "RequestIds",
    "Reseller",
    "Secret",
    "connect",
    "simulator",
]
