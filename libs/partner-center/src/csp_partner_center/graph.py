"""Microsoft Graph in a customer's directory: users as they are, and what changed (PC 13). App+user tokens of that tenant."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from csp_partner_center.answers import Answer, RequestIds, with_value
from csp_partner_center.calls import Access, Base, Call, path
from csp_partner_center.errors import Refused, UnreadableAnswer
from csp_partner_center.paging import Page, UnreadableItem, read_page
from csp_partner_center.reading import Guid, UnreadableField, member, wire
from csp_partner_center.secrets import Secret
from csp_partner_center.session import Session
from csp_partner_center.writing import encode

T = TypeVar("T")

_USER_FIELDS = (
    "id,userPrincipalName,displayName,givenName,surname,usageLocation,accountEnabled,assignedLicenses,"
    "onPremisesImmutableId,onPremisesSyncEnabled,createdDateTime,deletedDateTime"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedLicence:
    """A directory SKU, without some of its plans."""

    sku_id: Guid
    disabled_plans: list[Guid] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """`changed`: in the bin for 30 days; `deleted`: gone."""

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphUser:
    """In a delta only the id is certain; `removed` tells a deleted one. `assigned_licenses` None: not told."""

    id: Guid
    user_principal_name: str | None = field(default=None, repr=False)
    display_name: str | None = field(default=None, repr=False)
    given_name: str | None = field(default=None, repr=False)
    surname: str | None = field(default=None, repr=False)
    usage_location: str | None = None
    account_enabled: bool | None = None
    assigned_licenses: list[AssignedLicence] | None = None
    on_premises_immutable_id: str | None = field(default=None, repr=False)
    on_premises_sync_enabled: bool | None = None
    created_date_time: datetime | None = None
    deleted_date_time: datetime | None = None
    removed: Removed | None = field(default=None, metadata=wire("@removed"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepaidUnits:
    """Seats by state."""

    enabled: int = 0
    suspended: int = 0
    warning: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSku:
    """available = enabled + warning - consumed."""

    sku_id: Guid
    sku_part_number: str | None = None
    applies_to: str | None = None
    capability_status: str | None = None
    consumed_units: int = 0
    prepaid_units: PrepaidUnits = field(default_factory=PrepaidUnits)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaPage:
    """`delta_link` comes with the last page: keep it whole, it is where the next round begins."""

    users: list[GraphUser]
    unreadable: list[UnreadableItem]
    next_link: str | None = field(default=None, repr=False)
    delta_link: str | None = field(default=None, repr=False)
    answered_at: datetime | None = None


class DeltaExpired(Refused):
    """410: the token is too old; start a new round from nothing."""

    code = "microsoft-delta-expired"


class Graph:
    """Calls carry the customer's tenant: each directory has a token and a budget of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def delta(self, tenant_id: str, link: str | None = None) -> AsyncIterator[DeltaPage]:
        """What changed since `link` (a delta or next link kept before), or everything. Items repeat, in any order.

        Raises `DeltaExpired`, `UnreadableAnswer` where a page names neither a next nor a delta link.
        """
        call = (
            self._get("graph.users.delta", tenant_id, "/users/delta", (("$select", _USER_FIELDS),))
            if link is None
            else self._follow("graph.users.delta", tenant_id, link)
        )
        while True:
            try:
                reply = await self._session.send(call)
            except Refused as fault:
                if fault.upstream is not None and fault.upstream.status == 410:
                    raise DeltaExpired(
                        call.operation, "the delta token is too old", upstream=fault.upstream
                    ) from None
                raise
            body = reply.json
            page = _items(call, GraphUser, body)
            following, ending = member(body, "@odata.nextLink"), member(body, "@odata.deltaLink")
            if not following and not ending:
                raise UnreadableAnswer(call.operation, "the page names neither a next nor a delta link")
            yield DeltaPage(
                users=page.items,
                unreadable=page.unreadable,
                next_link=following,
                delta_link=ending,
                answered_at=reply.answer.answered_at,
            )
            if not following:
                return
            call = self._follow(call.operation, tenant_id, str(following))

    def users(self, tenant_id: str) -> AsyncIterator[Page[GraphUser]]:
        """All users, with their licences."""
        return self._pages(
            GraphUser,
            self._get("graph.users.list", tenant_id, "/users", (("$select", _USER_FIELDS), ("$top", "999"))),
        )

    async def user(self, tenant_id: str, user_id: str) -> Answer[GraphUser]:
        """One user, with licences."""
        return await self._session.ask(
            GraphUser,
            self._get("graph.users.get", tenant_id, path("users", user_id), (("$select", _USER_FIELDS),)),
        )

    async def subscribed_skus(self, tenant_id: str) -> list[GraphSku]:
        """What the tenant has, over all subscriptions and sellers."""
        found: list[GraphSku] = []
        async for page in self._pages(
            GraphSku, self._get("graph.subscribedSkus.list", tenant_id, "/subscribedSkus", ())
        ):
            found += page.items
        return found

    async def assign_licences(
        self,
        tenant_id: str,
        user_id: str,
        *,
        assign: list[AssignedLicence],
        remove: list[str],
        ids: RequestIds,
    ) -> Answer[None]:
        """Both lists are sent, even when empty (PC 13.3)."""
        call = self._write(
            "graph.users.assignLicense",
            tenant_id,
            "POST",
            path("users", user_id, "assignLicense"),
            {"addLicenses": assign, "removeLicenses": remove},
        )
        return (await self._session.send(call, ids)).answer

    async def update_user(
        self, tenant_id: str, user_id: str, changes: Mapping[str, object], ids: RequestIds
    ) -> Answer[None]:
        """Some members by their wire names; 204."""
        call = self._write("graph.users.update", tenant_id, "PATCH", path("users", user_id), changes)
        return (await self._session.send(call, ids)).answer

    async def create_user(
        self,
        tenant_id: str,
        *,
        user_principal_name: str,
        display_name: str,
        password: Secret,
        ids: RequestIds,
        usage_location: str | None = None,
        given_name: str | None = None,
        surname: str | None = None,
    ) -> Answer[GraphUser]:
        """Not repeated after an unknown outcome: look for the name first."""
        body: dict[str, object | None] = {
            "accountEnabled": True,
            "displayName": display_name,
            "mailNickname": user_principal_name.partition("@")[0],
            "userPrincipalName": user_principal_name,
            "passwordProfile": {"password": password.reveal(), "forceChangePasswordNextSignIn": True},
            "usageLocation": usage_location,
            "givenName": given_name,
            "surname": surname,
        }
        call = self._write(
            "graph.users.create",
            tenant_id,
            "POST",
            "/users",
            {name: value for name, value in body.items() if value is not None},
        )
        return await self._session.ask(GraphUser, replace(call, is_repeatable=False), ids)

    async def delete_user(self, tenant_id: str, user_id: str, ids: RequestIds) -> Answer[None]:
        """Into the bin for 30 days."""
        call = Call(
            operation="graph.users.delete",
            method="DELETE",
            path=path("users", user_id),
            base=Base.GRAPH,
            access=Access.APP_USER,
            tenant=tenant_id,
            is_repeatable=True,
        )
        return (await self._session.send(call, ids)).answer

    async def restore_user(self, tenant_id: str, user_id: str, ids: RequestIds) -> Answer[GraphUser]:
        """Back from the bin."""
        call = self._write(
            "graph.directory.deletedItems.restore",
            tenant_id,
            "POST",
            path("directory", "deletedItems", user_id, "restore"),
            {},
        )
        reply = await self._session.send(call, ids)
        return with_value(reply.answer, self._session.read(GraphUser, call, reply))

    async def _pages(self, kind: type[T], call: Call) -> AsyncIterator[Page[T]]:
        following: Call | None = call
        while following is not None:
            reply = await self._session.send(following)
            body = reply.json
            page = _items(following, kind, body)
            link = member(body, "@odata.nextLink")
            yield replace(page, continuation=link, answered_at=reply.answer.answered_at)
            following = self._follow(call.operation, call.tenant or "", str(link)) if link else None

    def _get(self, operation: str, tenant_id: str, where: str, query: tuple[tuple[str, str], ...]) -> Call:
        return Call(
            operation=operation,
            method="GET",
            path=where,
            base=Base.GRAPH,
            query=query,
            access=Access.APP_USER,
            tenant=tenant_id,
        )

    def _write(
        self, operation: str, tenant_id: str, method: str, where: str, body: Mapping[str, object]
    ) -> Call:
        return Call(
            operation=operation,
            method=method,
            path=where,
            base=Base.GRAPH,
            body=encode(body),
            access=Access.APP_USER,
            tenant=tenant_id,
            is_repeatable=True,
        )

    def _follow(self, operation: str, tenant_id: str, link: str) -> Call:
        # The link's host is not trusted with a token: only what lies behind /v1.0 is taken.
        found = urlsplit(link)
        where = found.path.partition("/v1.0")[2] or found.path
        return self._get(operation, tenant_id, where, tuple(parse_qsl(found.query, keep_blank_values=True)))


def _items(call: Call, kind: type[T], body: Any) -> Page[T]:  # Any: decoded JSON
    try:
        return read_page(kind, body, "value")
    except UnreadableField as fault:
        raise UnreadableAnswer(call.operation, f"unreadable answer: {fault}") from None
