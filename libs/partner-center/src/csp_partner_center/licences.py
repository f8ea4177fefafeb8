"""Licences in a customer's directory (PC 7.6-7.8). All app+user. They count per directory SKU, not per subscription."""

from dataclasses import dataclass, field

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Access, Call, path
from csp_partner_center.paging import Page, everything
from csp_partner_center.reading import Guid
from csp_partner_center.session import Session
from csp_partner_center.writing import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSku:
    """The directory's SKU."""

    id: Guid
    name: str | None = None
    sku_part_number: str | None = None
    target_type: str | None = None
    license_group_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """One service inside a SKU."""

    id: Guid | None = None
    display_name: str | None = None
    service_name: str | None = None
    capability_status: str | None = None
    target_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribedSku:
    """Seats of one directory SKU, over all subscriptions and sellers: available = total - consumed."""

    product_sku: ProductSku
    available_units: int = 0
    active_units: int = 0
    consumed_units: int = 0
    suspended_units: int = 0
    total_units: int = 0
    warning_units: int = 0
    capability_status: str | None = None
    service_plans: list[ServicePlan] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A SKU that a user has."""

    product_sku: ProductSku
    service_plans: list[ServicePlan] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceToAssign:
    """A SKU to give; `excluded_plans` are ids of its services to leave out."""

    sku_id: str
    excluded_plans: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceWarning:
    """What Microsoft remarks."""

    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceUpdate:
    """What was done."""

    licenses_to_assign: list[LicenceToAssign] = field(default_factory=list)
    licenses_to_remove: list[Guid] = field(default_factory=list)
    license_warnings: list[LicenceWarning] = field(default_factory=list)


# PC 7.6: group 1 are the directory's own, group 2 Minecraft; the default leaves the second out.
_ALL_GROUPS = (("licenseGroupIds", "Group1"), ("licenseGroupIds", "Group2"))


class Licences:
    """App+user."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def subscribed_skus(self, customer_id: str) -> Page[SubscribedSku]:
        """What the tenant has, and how much of it is used."""
        return await everything(
            self._session,
            SubscribedSku,
            Call(
                operation="customers.subscribedskus.list",
                method="GET",
                path=path("customers", customer_id, "subscribedskus"),
                query=_ALL_GROUPS,
                access=Access.APP_USER,
            ),
        )

    async def of_user(self, customer_id: str, user_id: str) -> Page[Licence]:
        """A user's licences."""
        return await everything(
            self._session,
            Licence,
            Call(
                operation="customers.users.licenses.list",
                method="GET",
                path=path("customers", customer_id, "users", user_id, "licenses"),
                query=_ALL_GROUPS,
                access=Access.APP_USER,
            ),
        )

    async def update(
        self,
        customer_id: str,
        user_id: str,
        *,
        assign: list[LicenceToAssign],
        remove: list[str],
        ids: RequestIds,
    ) -> Answer[LicenceUpdate]:
        """Assign and remove in one step; a repetition is harmless (PC 2.7).

        Raises `Invalid` (60012) where no licence is left; just after a purchase the directory lags behind (PC 7.8).
        """
        return await self._session.ask(
            LicenceUpdate,
            Call(
                operation="users.licenseupdates.create",
                method="POST",
                path=path("customers", customer_id, "users", user_id, "licenseupdates"),
                body=encode(
                    {
                        "licensesToAssign": assign,
                        "licensesToRemove": remove,
                        "attributes": {"objectType": "LicenseUpdate"},
                    }
                ),
                access=Access.APP_USER,
                is_repeatable=True,
            ),
            ids,
        )
