"""Which services there are, and how a process builds the ones it runs. Imports are late: they take a second."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csp_runtime.database import Database
    from csp_runtime.public_log import PublicLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A service by its name and its module."""

    name: str
    module: str
    talks_to_microsoft: bool

    def load(self) -> ModuleType:
        """The composition root: `NAME`, `SCHEMA`, `PACKAGES` and `build`; `PUBLIC_LOG` where it tells more than it stores."""
        return importlib.import_module(self.module)

    def public_log(self, database: "Database") -> "PublicLog":
        """Its log as others read it, from its database."""
        from csp_runtime.public_log import StoredPublicLog

        made: PublicLog = getattr(self.load(), "PUBLIC_LOG", StoredPublicLog)(database, self.name)
        return made


SERVICES: Sequence[Known] = (
    Known(name="provisioning", module="csp_provisioning.service", talks_to_microsoft=True),
    Known(name="subscriptions", module="csp_subscriptions.service", talks_to_microsoft=True),
    Known(name="identity-sync", module="csp_identity_sync.service", talks_to_microsoft=True),
    Known(name="pricing", module="csp_pricing.service", talks_to_microsoft=True),
    Known(name="billing", module="csp_billing.service", talks_to_microsoft=True),
    Known(name="partner-feed", module="csp_partner_feed.service", talks_to_microsoft=True),
    Known(name="gateway", module="csp_gateway.service", talks_to_microsoft=False),
)


def named(name: str) -> Known:
    """A service by name; `KeyError` for an unknown one."""
    for service in SERVICES:
        if service.name == name:
            return service
    raise KeyError(name)
