"""Clients of both surfaces over screens that know one of everything."""

import httpx
import pytest

from csp_gateway.adapters.owners import Owners
from csp_gateway.adapters.screens import Screens as ScreenRows
from csp_gateway.api import customer_app, reseller_app
from csp_gateway.operations import OperationView
from csp_gateway.projections import Screens
from csp_gateway.rate_limits import RateLimits
from csp_gateway.service import PACKAGES, SCHEMA
from csp_gateway.surfaces.common import Parts
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.clock import SystemClock
from csp_runtime.consistency import KnownVersions
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.host import LocalPeers
from csp_runtime.scope import Role
from csp_runtime.wakeups import Wakeups
from csp_testing.postgres import database_with
from csp_testing.screens import CUSTOMER, RESELLER, STREAMS

QUOTA = 20_000
SURFACES = {
    "reseller": (reseller_app, Role.RESELLER_ADMIN, None),
    "customer": (customer_app, Role.CUSTOMER_ADMIN, CUSTOMER),
}


database_url = database_with((SCHEMA, PACKAGES))


@pytest.fixture
async def worker(database_url):
    async with Database(database_url, "gateway", DatabaseRole.WORKER) as opened:
        yield opened


class OwnersHere(LocalPeers):
    """Owners of the test's own making, by name; the others do not answer."""

    def __init__(self):
        super().__init__()
        self.apps = {}

    def client(self, service):
        if service not in self.apps:
            return super().client(service)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.apps[service]), base_url="http://owner"
        )


@pytest.fixture
def peers():
    return OwnersHere()


@pytest.fixture
async def surfaces(worker, database_url, tmp_path, peers):
    """A client of each surface, over screens that know one of everything."""
    async with worker.transaction() as tx:
        await Screens().project(tx, [event for facts in STREAMS for event in facts])
    clock, wakeups, issuer = SystemClock(), Wakeups(database_url), DevelopmentIssuer(tmp_path)
    async with Database(database_url, "gateway", DatabaseRole.REQUEST) as request:
        screens = ScreenRows(request)
        parts = Parts(
            screens=screens,
            owners=Owners(peers),
            operations=OperationView(screens, wakeups, clock),
            known=KnownVersions(worker, Screens.name, wakeups, clock),
            limits=RateLimits(QUOTA, clock),
            clock=clock,
        )
        clients = {}
        for name, (app, role, customer) in SURFACES.items():
            built = app(issuer, parts)
            token = issuer.issue(reseller=RESELLER, role=role, customer=customer)
            clients[name] = (
                built.openapi(),
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(app=built),
                    base_url="http://gateway",
                    headers={"Authorization": f"Bearer {token}"},
                ),
            )
        yield clients
        for _, client in clients.values():
            await client.aclose()
