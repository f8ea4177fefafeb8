"""What Microsoft says. Personal fields are not here: the owner fetches them by observation id."""

from dataclasses import dataclass, field

from csp_contracts.envelope import Instant, Visibility
from csp_contracts.ids import Kind
from csp_contracts.registry import event


@event(
    "csp.partner-feed.external-state-observed.v1",
    stream=Kind.OBSERVATION,
    visibility=Visibility.RESELLER,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalStateObserved:
    """A resource as Microsoft shows it (a reading), or an audit record (a fact); the owner of the resource decides.

    `resource`: `tenant`, `subscription`, `user`, `licences`. `channel`: `webhook`, `audit`, `graph_delta`, `comparison`,
    `first_sync`, `refresh`. A reading began at `began_at` (by the service's clock); `changed_at` is the webhook's or audit
    record's own time. `state` holds commercial fields only; null means that the resource is gone.

    Fields of `state`, each left out where it is not known. Subscription: `quantity`, `status` (Microsoft's), `auto_renew`,
    `commerce` (`nce`, `legacy`), `product`, `product_title`, `friendly_name`, `segment`, `term`, `charge_cycle` (`P1M`, …),
    `started_at`, `commitment_ends_on`, `order_id`, `currency`, `is_trial`, `parent_microsoft_id`, `migrated_from`,
    `paid_until`, `transferred_from` (Microsoft's id at another partner), `directory_sku_id`, `promotion_id`, `seat_lots` (list of `quantity`, `refundable_until`). An audit record
    carries only what it tells (`quantity` and `previous_quantity`, `status`). Tenant: `domain`, `company_name`, `country`. User: `is_enabled`,
    `is_deleted`, `is_administrator`, `sku_ids` (list of `sku_id`). Licences of a tenant: `skus` (list of `sku_id`,
    `sku_part_number`, `available`, `consumed`).
    """

    observation_id: str
    resource: str
    resource_id: str
    tenant_id: str
    microsoft_tenant_id: str
    microsoft_id: str
    channel: str
    began_at: Instant
    digest: str
    changed_at: Instant | None = None
    audit_id: str | None = None
    audit_operation: str | None = None
    microsoft_correlation_id: str | None = None
    microsoft_request_id: str | None = None
    is_first_synchronisation: bool = False
    state: dict[str, str | int | bool | list[dict[str, str | int | None]] | None] | None = None


@event("csp.partner-feed.drift-found.v1", stream=Kind.DRIFT, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFound:
    """A difference that policy cannot resolve, field by field: ours and Microsoft's."""

    drift_id: str
    resource: str
    resource_id: str
    tenant_id: str
    fields: dict[str, list[str | None]]
    suggested_side: str
    money_minor: int | None = None
    currency: str | None = None


@event("csp.partner-feed.drift-resolved.v1", stream=Kind.DRIFT, visibility=Visibility.RESELLER)
@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResolved:
    """Somebody, or the policy, chose a side: `ours`, `microsoft` or `ignore`."""

    drift_id: str
    side: str
    policy: str | None = None
    changed_fields: list[str] = field(default_factory=list)
