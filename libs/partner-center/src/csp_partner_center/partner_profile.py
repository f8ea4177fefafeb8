"""The partner itself: resellers behind an indirect provider, and whose sign-ins lack MFA (PC 1.2, 3.5)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from csp_partner_center.calls import Access, Call, path
from csp_partner_center.paging import Page, everything, seek
from csp_partner_center.reading import Guid
from csp_partner_center.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRelationship:
    """An indirect reseller."""

    id: Guid
    name: str | None = None
    mpn_id: str | None = None
    location: str | None = None
    relationship_type: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NonCompliantRequest:
    """A user of the partner whose last call came without MFA."""

    object_id: Guid | None = None
    tenant_id: Guid | None = None
    upn: str | None = field(default=None, repr=False)
    last_non_mfa_compliant_request_date_time: datetime | None = None


class Partner:
    """About the partner's own tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def indirect_resellers(self, customer_id: str | None = None) -> list[PartnerRelationship]:
        """All indirect resellers of a provider, or those of one customer."""
        call = (
            Call(
                operation="relationships.list",
                method="GET",
                path="/relationships",
                query=(("relationship_type", "IsIndirectCloudSolutionProviderOf"),),
            )
            if customer_id is None
            else Call(
                operation="customers.relationships.list",
                method="GET",
                path=path("customers", customer_id, "relationships"),
            )
        )
        return (await everything(self._session, PartnerRelationship, call)).items

    def requests_without_mfa(self) -> AsyncIterator[Page[NonCompliantRequest]]:
        """Who called without MFA: refused since April 2026 (PC 1.2); app+user."""
        call = Call(
            operation="partnerRequests.list", method="GET", path="/partnerRequests", access=Access.APP_USER
        )
        return seek(self._session, NonCompliantRequest, call)
