"""What the workers of the feed share."""

from dataclasses import dataclass

from csp_partner_center import PartnerCenter
from csp_partner_feed.adapters.directory_skus import DirectorySkus
from csp_partner_feed.adapters.first_syncs import FirstSyncs
from csp_partner_feed.adapters.freshness import Freshness
from csp_partner_feed.adapters.parked import Parked
from csp_partner_feed.adapters.publisher import Publisher
from csp_partner_feed.adapters.reads import Reads
from csp_partner_feed.adapters.resources import Resources
from csp_partner_feed.adapters.tenants import TenantRows
from csp_runtime.clock import Clock
from csp_runtime.wakeups import Wakeups


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Microsoft on one side, the feed's tables on the other."""

    client: PartnerCenter
    clock: Clock
    wakeups: Wakeups
    publisher: Publisher
    reads: Reads
    tenants: TenantRows
    resources: Resources
    first_syncs: FirstSyncs
    freshness: Freshness
    parked: Parked
    skus: DirectorySkus
