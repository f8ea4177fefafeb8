"""Deleted users: listed, read, restored, purged (PC 13.1)."""

from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import people
from csp_partner_center_simulator.graph.delta import home
from csp_partner_center_simulator.graph.odata import page, selected
from csp_partner_center_simulator.graph.shared import entity, in_graph_words, log_change
from csp_partner_center_simulator.graph.user_json import USUAL, everything
from csp_partner_center_simulator.state.customers import User
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import GraphError
from csp_partner_center_simulator.wire.router import GRAPH_READERS, HELPERS, USER_ADMINS, Rights, Route


def deleted_items(call: Call) -> Answer:
    """List deleted users that can still be restored."""
    users = people.listed(call.world, home(call), deleted=True)
    items = [selected(call.request, everything(user), (*USUAL, "deletedDateTime")) for user in users]
    return Answer(
        body=page(
            call,
            items,
            "/directory/deletedItems/microsoft.graph.user",
            default=100,
            most=999,
            context="users",
        ),
        nulls=True,
    )


def _deleted(call: Call) -> User:
    user = call.world.users.get(call.params["user"])
    if (
        user is None
        or user.customer_id != home(call).id
        or user.deleted_at is None
        or user.purged_at is not None
    ):
        raise GraphError(404, "Request_ResourceNotFound", "The deleted user does not exist.")
    return user


def _directory_object(call: Call, user: User) -> dict[str, Any]:
    body = entity(call, user, (*USUAL, "deletedDateTime"))
    context = f"{call.base_url}/graph/v1.0/$metadata#directoryObjects/$entity"
    return {**body, "@odata.context": context, "@odata.type": "#microsoft.graph.user"}


def get_deleted(call: Call) -> Answer:
    """Read a deleted user that can still be restored."""
    return Answer(body=_directory_object(call, _deleted(call)), nulls=True)


def purge(call: Call) -> Answer:
    """Delete a deleted user for good: 204."""
    user = _deleted(call)
    call.world.agenda.remove(f"user.purge/{user.id}")
    people.save(call.world, replace(user, purged_at=call.now), "purged")
    return Answer(204)


def restore(call: Call) -> Answer:
    """Bring a deleted user back: 200, as a directory object."""
    user = _deleted(call)
    restored = in_graph_words(lambda: people.restore(call.world, user))
    log_change(call, restored, "restore_customer_user")
    return Answer(body=_directory_object(call, restored), nulls=True)


_READ, _WRITE = Rights(roles=HELPERS, gdap=GRAPH_READERS), Rights(roles=HELPERS, gdap=USER_ADMINS)
_G = "/graph/v1.0"

_DELETED = f"{_G}/directory/deletedItems"
ROUTES = (
    Route(
        method="GET",
        path=f"{_DELETED}/microsoft.graph.user",
        operation="graph.directory.deletedItems.list",
        handler=deleted_items,
        rights=_READ,
    ),
    Route(
        method="GET",
        path=f"{_DELETED}/{{user}}",
        operation="graph.directory.deletedItems.get",
        handler=get_deleted,
        rights=_READ,
    ),
    Route(
        method="DELETE",
        path=f"{_DELETED}/{{user}}",
        operation="graph.directory.deletedItems.delete",
        handler=purge,
        rights=_WRITE,
    ),
    Route(
        method="POST",
        path=f"{_DELETED}/{{user}}/restore",
        operation="graph.directory.deletedItems.restore",
        handler=restore,
        rights=_WRITE,
    ),
)
