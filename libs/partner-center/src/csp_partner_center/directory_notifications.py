"""Graph's change notifications for the users of a directory (PC 13.5): hints to ask for the delta, not a channel of their own."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from csp_partner_center.answers import Answer, RequestIds
from csp_partner_center.calls import Access, Base, Call, path
from csp_partner_center.paging import everything
from csp_partner_center.session import Session
from csp_partner_center.writing import encode

LONGEST = timedelta(minutes=41_760)
"""How long a subscription to users may run before it is renewed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySubscription:
    """`client_state` comes with each notification and is told once, when the subscription is made."""

    id: str
    resource: str | None = None
    change_type: str | None = None
    notification_url: str | None = None
    lifecycle_notification_url: str | None = None
    expiration_date_time: datetime | None = None


class DirectoryNotifications:
    """App+user, in the customer's directory. Creating is sent once: Graph calls the address before it answers, and a second
    subscription doubles the notifications."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def of_directory(self, tenant_id: str) -> list[DirectorySubscription]:
        """Those of this application that have not expired."""
        call = self._call("list", "GET", tenant_id, "/subscriptions")
        return (await everything(self._session, DirectorySubscription, call, items="value")).items

    async def subscribe(
        self,
        tenant_id: str,
        *,
        url: str,
        client_state: str,
        until: datetime,
        ids: RequestIds,
        lifecycle_url: str | None = None,
    ) -> Answer[DirectorySubscription]:
        """Be told of users that are updated (new ones too) or deleted. The address must give back the `validationToken` of its query
        as plain text within ten seconds; raises `Invalid` where it does not."""
        body = {
            "changeType": "updated,deleted",
            "resource": "users",
            "notificationUrl": url,
            "lifecycleNotificationUrl": lifecycle_url,
            "expirationDateTime": until,
            "clientState": client_state,
        }
        wanted = {name: value for name, value in body.items() if value is not None}
        call = self._call("create", "POST", tenant_id, "/subscriptions", encode(wanted))
        return await self._session.ask(DirectorySubscription, call, ids)

    async def renew(
        self, tenant_id: str, subscription_id: str, until: datetime, ids: RequestIds
    ) -> Answer[DirectorySubscription]:
        """Move the end, at most `LONGEST` from now."""
        call = self._call(
            "update",
            "PATCH",
            tenant_id,
            path("subscriptions", subscription_id),
            encode({"expirationDateTime": until}),
            is_repeatable=True,
        )
        return await self._session.ask(DirectorySubscription, call, ids)

    async def reauthorize(self, tenant_id: str, subscription_id: str, ids: RequestIds) -> Answer[None]:
        """The answer to `reauthorizationRequired`."""
        where = path("subscriptions", subscription_id, "reauthorize")
        call = self._call("reauthorize", "POST", tenant_id, where, is_repeatable=True)
        return (await self._session.send(call, ids)).answer

    async def end(self, tenant_id: str, subscription_id: str, ids: RequestIds) -> Answer[None]:
        """Be told no more."""
        where = path("subscriptions", subscription_id)
        call = self._call("delete", "DELETE", tenant_id, where, is_repeatable=True)
        return (await self._session.send(call, ids)).answer

    def _call(
        self,
        verb: str,
        method: str,
        tenant_id: str,
        where: str,
        body: bytes | None = None,
        *,
        is_repeatable: bool = False,
    ) -> Call:
        return Call(
            operation=f"graph.subscriptions.{verb}",
            method=method,
            path=where,
            base=Base.GRAPH,
            body=body,
            access=Access.APP_USER,
            tenant=tenant_id,
            is_repeatable=is_repeatable or method == "GET",
        )
