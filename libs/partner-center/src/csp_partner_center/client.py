"""The one door: `connect(…)` makes a `PartnerCenter`, `as_reseller(…)` everything that one reseller may ask."""

import logging
import ssl
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

import httpx

from csp_partner_center.agreements import Agreements
from csp_partner_center.audit import Audit
from csp_partner_center.billing_export import BillingExport
from csp_partner_center.budget import CallBudget, SharedBudget
from csp_partner_center.carts import Carts
from csp_partner_center.catalogue import Catalogue
from csp_partner_center.credentials import Credentials, CredentialStore
from csp_partner_center.customers import Customers
from csp_partner_center.delegated_admin import DelegatedAdmin
from csp_partner_center.directory_notifications import DirectoryNotifications
from csp_partner_center.domains import Domains
from csp_partner_center.graph import Graph
from csp_partner_center.invoices import Invoices
from csp_partner_center.licences import Licences
from csp_partner_center.migration_schedules import MigrationSchedules
from csp_partner_center.migrations_to_nce import Migrations
from csp_partner_center.orders import Orders
from csp_partner_center.partner_profile import Partner
from csp_partner_center.price_sheets import PriceSheets
from csp_partner_center.session import Session
from csp_partner_center.settings import PartnerCenterSettings
from csp_partner_center.subscriptions import Subscriptions
from csp_partner_center.tokens import Tokens
from csp_partner_center.transfers import Transfers
from csp_partner_center.transitions import Transitions
from csp_partner_center.transport import Transport
from csp_partner_center.users import Users
from csp_partner_center.webhooks import Webhooks
from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.secret_box import SecretBox


@dataclass(frozen=True, slots=True)
class Reseller:
    """Everything that one reseller may ask, by resource."""

    session: Session
    agreements: Agreements = field(init=False)
    audit: Audit = field(init=False)
    carts: Carts = field(init=False)
    catalogue: Catalogue = field(init=False)
    customers: Customers = field(init=False)
    domains: Domains = field(init=False)
    graph: Graph = field(init=False)
    licences: Licences = field(init=False)
    orders: Orders = field(init=False)
    subscriptions: Subscriptions = field(init=False)
    users: Users = field(init=False)
    billing_export: BillingExport = field(init=False)
    invoices: Invoices = field(init=False)
    delegated_admin: DelegatedAdmin = field(init=False)
    directory_notifications: DirectoryNotifications = field(init=False)
    migration_schedules: MigrationSchedules = field(init=False)
    migrations: Migrations = field(init=False)
    partner: Partner = field(init=False)
    price_sheets: PriceSheets = field(init=False)
    transfers: Transfers = field(init=False)
    transitions: Transitions = field(init=False)
    webhooks: Webhooks = field(init=False)

    def __post_init__(self) -> None:
        for name, kind in _RESOURCES.items():
            object.__setattr__(self, name, kind(self.session))


_RESOURCES = {
    "agreements": Agreements,
    "audit": Audit,
    "carts": Carts,
    "catalogue": Catalogue,
    "customers": Customers,
    "domains": Domains,
    "graph": Graph,
    "licences": Licences,
    "orders": Orders,
    "subscriptions": Subscriptions,
    "users": Users,
    "billing_export": BillingExport,
    "invoices": Invoices,
    "delegated_admin": DelegatedAdmin,
    "directory_notifications": DirectoryNotifications,
    "migration_schedules": MigrationSchedules,
    "migrations": Migrations,
    "partner": Partner,
    "price_sheets": PriceSheets,
    "transfers": Transfers,
    "transitions": Transitions,
    "webhooks": Webhooks,
}


class PartnerCenter:
    """One per process; safe for any number of tasks and resellers. Close it, or use it as a context manager."""

    def __init__(
        self,
        *,
        transport: Transport,
        tokens: Tokens,
        credentials: CredentialStore,
        http: httpx.AsyncClient,
        owns_http: bool,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._http = http
        self._owns_http = owns_http
        self.credentials = credentials

    def as_reseller(self, reseller_id: str, *, correlation_id: UUID | None = None) -> Reseller:
        """What this reseller may ask. With a `correlation_id` all its reads carry it; writes name their own."""
        return Reseller(Session(self._transport, reseller_id, correlation_id))

    async def save_credentials(self, credentials: Credentials) -> None:
        """Store or replace a reseller's credentials, and forget tokens made with the old ones."""
        await self.credentials.save(credentials)
        self._tokens.forget_reseller(credentials.reseller_id)

    def is_mfa_compliant(self, reseller_id: str) -> bool | None:
        """What Microsoft last said about the sign-in behind this reseller's tokens (PC 1.2); None: not asked yet."""
        return self._transport.is_mfa_compliant(reseller_id)

    async def close(self) -> None:
        """Give the connections back."""
        if self._owns_http:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def connect(
    settings: PartnerCenterSettings,
    database: Database,
    clock: Clock,
    secret_box: SecretBox,
    *,
    http: httpx.AsyncClient | None = None,
    budget: CallBudget | None = None,
) -> PartnerCenter:
    """Build the client. `database` enters the schema `microsoft` as its worker and is opened and closed by the caller.

    `http`: another httpx client, for a simulator inside this process or a proxy of its own; then it is the caller's to close.
    """
    _quiet_urls()
    own = http is None
    client = http or httpx.AsyncClient(
        timeout=httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=50),
        verify=ssl.create_default_context(cafile=settings.ca_file),
        follow_redirects=False,
        headers={"User-Agent": settings.application_name},
    )
    store = CredentialStore(database, secret_box)
    tokens = Tokens(settings, store, clock, client)
    transport = Transport(
        settings=settings,
        http=client,
        tokens=tokens,
        budget=budget or SharedBudget(database, clock, settings),
        clock=clock,
    )
    return PartnerCenter(transport=transport, tokens=tokens, credentials=store, http=client, owns_http=own)


def _quiet_urls() -> None:
    # httpx logs each URL at INFO: filters name persons, download links carry signatures.
    for name in ("httpx", "httpcore", "msal", "urllib3"):
        named = logging.getLogger(name)
        if named.level in (logging.NOTSET, logging.DEBUG, logging.INFO):
            named.setLevel(logging.WARNING)
