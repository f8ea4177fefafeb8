"""Granular delegated admin relationships (PC 3.6): what a partner may do in a customer's directory, for how long, and who of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Access, Base, Call, path
from csp_partner_center.paging import everything
from csp_partner_center.reading import Guid, OpenEnum
from csp_partner_center.session import Session
from csp_partner_center.writing import encode

_R = ("tenantRelationships", "delegatedAdminRelationships")


class RelationshipStatus(OpenEnum):
    """Its life: made, asked for, approved by the customer, over."""

    CREATED = "created"
    APPROVAL_PENDING = "approvalPending"
    ACTIVATING = "activating"
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    TERMINATION_REQUESTED = "terminationRequested"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of the directory, by the id of its definition."""

    role_definition_id: Guid


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDetails:
    """What is granted."""

    unified_roles: list[Role] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationshipCustomer:
    """Whose directory it is."""

    tenant_id: Guid | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegatedAdminRelationship:
    """`duration` as an ISO 8601 duration."""

    id: str
    display_name: str | None = None
    duration: str | None = None
    customer: RelationshipCustomer | None = None
    access_details: AccessDetails | None = None
    status: RelationshipStatus | None = None
    activated_date_time: datetime | None = None
    end_date_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessAssignment:
    """A group of the partner that has some of a relationship's roles."""

    id: str
    status: str | None = None
    access_details: AccessDetails | None = None


class DelegatedAdmin:
    """App+user of an Admin Agent, in the partner's own directory. Creations are sent once."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def relationships(self) -> list[DelegatedAdminRelationship]:
        """All of them."""
        call = self._call("list", "GET", path(*_R))
        return (await everything(self._session, DelegatedAdminRelationship, call, items="value")).items

    async def get(self, relationship_id: str) -> Answer[DelegatedAdminRelationship]:
        """One."""
        return await self._session.ask(
            DelegatedAdminRelationship, self._call("get", "GET", path(*_R, relationship_id))
        )

    async def create(
        self, *, name: str, tenant_id: str | None, roles: Sequence[str], days: int, ids: RequestIds
    ) -> Answer[DelegatedAdminRelationship]:
        """Make one: 1 to 730 days, roles by the ids of their definitions. Without `tenant_id` any customer may approve it."""
        body = {
            "displayName": name,
            "duration": f"P{days}D",
            "accessDetails": _granting(roles),
            **({"customer": {"tenantId": tenant_id}} if tenant_id else {}),
        }
        call = self._call("create", "POST", path(*_R), encode(body))
        return await self._session.ask(DelegatedAdminRelationship, call, ids)

    async def ask_for_approval(self, relationship_id: str, ids: RequestIds) -> Answer[None]:
        """Lock it, so that the customer can approve it at `approval_link`."""
        return await self._request(relationship_id, "lockForApproval", ids)

    async def terminate(self, relationship_id: str, ids: RequestIds) -> Answer[None]:
        """End an active one."""
        return await self._request(relationship_id, "terminate", ids)

    async def assign(
        self, relationship_id: str, group_id: str, roles: Sequence[str], ids: RequestIds
    ) -> Answer[AccessAssignment]:
        """Give some of an active relationship's roles to a security group of the partner."""
        body = {
            "accessContainer": {"accessContainerId": group_id, "accessContainerType": "securityGroup"},
            "accessDetails": _granting(roles),
        }
        where = path(*_R, relationship_id, "accessAssignments")
        call = self._call("accessAssignments.create", "POST", where, encode(body))
        return await self._session.ask(AccessAssignment, call, ids)

    async def assignments(self, relationship_id: str) -> list[AccessAssignment]:
        """Who has what."""
        where = path(*_R, relationship_id, "accessAssignments")
        call = self._call("accessAssignments.list", "GET", where)
        return (await everything(self._session, AccessAssignment, call, items="value")).items

    async def _request(self, relationship_id: str, action: str, ids: RequestIds) -> Answer[None]:
        where = path(*_R, relationship_id, "requests")
        call = self._call("requests.create", "POST", where, encode({"action": action}))
        return (await self._session.send(call, ids)).answer

    def _call(self, verb: str, method: str, where: str, body: bytes | None = None) -> Call:
        return Call(
            operation=f"graph.tenantRelationships.delegatedAdminRelationships.{verb}",
            method=method,
            path=where,
            base=Base.GRAPH,
            body=body,
            access=Access.APP_USER,
            is_repeatable=method == "GET",
        )


def approval_link(relationship_id: str) -> str:
    """Where the customer's global administrator approves it."""
    return f"https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/{relationship_id}"


def _granting(roles: Sequence[str]) -> dict[str, object]:
    return {"unifiedRoles": [{"roleDefinitionId": role} for role in roles]}
