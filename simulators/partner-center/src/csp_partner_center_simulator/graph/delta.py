"""Changes of a directory since the last time (PC 13.5)."""

import copy
from datetime import datetime, timedelta
from typing import Any

from csp_partner_center_simulator.graph.odata import (
    bad_request,
    read_token,
    selected,
    write_token,
)
from csp_partner_center_simulator.graph.user_json import USUAL, everything
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.directory import Note
from csp_partner_center_simulator.wire.answer import Answer
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import GraphError

DELTA_PAGE = 200


TOKEN_KEPT = timedelta(days=30)


def home(call: Call) -> Customer:
    """Give the customer whose directory the token is for; 403 for any other directory."""
    if "customer" not in call.params:
        raise GraphError(403, "Authorization_RequestDenied", "The token is not for a customer's directory.")
    return call.customer


def delta(call: Call) -> Answer:
    """Give all users, then what changed since the last delta link (PC 13.5)."""
    world, request, customer = call.world, call.request, home(call)
    if (request.param("$deltatoken") or "").lower() == "latest":  # from now on, without what is there
        return _page(call, request.param("$select"), [], _changes(call, customer, None)[1], 0)
    state = read_token(request.param("$deltatoken") or request.param("$skiptoken"))
    if state and call.fault == "page_token_expired":
        raise _too_old(call)
    if request.param("$deltatoken") is not None:
        if not {"upto", "issued"} <= set(state):
            raise bad_request("The delta token is malformed.")
        if world.now - datetime.fromisoformat(state["issued"]) > TOKEN_KEPT:
            raise _too_old(call)
        state = {"since": state["upto"], "select": state.get("select"), "at": 0}
    elif not state:
        state = {"since": None, "select": request.param("$select"), "at": 0}
    visible, upto = _changes(call, customer, state["since"])
    return _page(call, state.get("select"), visible, upto, int(state["at"]), since=state["since"])


def _page(
    call: Call,
    select: str | None,
    visible: list[Note],
    upto: int,
    at: int,
    *,
    since: int | None = None,
) -> Answer:
    """Write one page: with a link to the next, or with the delta link to go on from."""
    request = call.request
    chosen = request if select is None else replace_query(call, select)
    items = [_delta_item(call, chosen, note) for note in visible[at : at + DELTA_PAGE]]
    answer: dict[str, Any] = {
        "@odata.context": f"{call.base_url}/graph/v1.0/$metadata#users",
        "value": [item for item in items if item is not None],
    }
    base = f"{call.base_url}/graph/v1.0/users/delta"
    if at + DELTA_PAGE < len(visible):
        token = {"since": since, "select": select, "at": at + DELTA_PAGE}
        answer["@odata.nextLink"] = f"{base}?$skiptoken={write_token(token)}"
    else:
        token = {"upto": upto, "select": select, "issued": call.now.isoformat()}
        answer["@odata.deltaLink"] = f"{base}?$deltatoken={write_token(token)}"
    minimal = "return=minimal" in request.headers.get("prefer", "").lower()
    return Answer(
        body=answer, headers={"Preference-Applied": "return=minimal"} if minimal else {}, nulls=True
    )


def _too_old(call: Call) -> GraphError:
    fresh = f"{call.base_url}/graph/v1.0/users/delta"
    text = "The delta token is too old; start anew."
    return GraphError(410, "syncStateNotFound", text, headers={"Location": fresh})


def replace_query(call: Call, select: str) -> Any:
    """Give the request with the `$select` that the first delta call had."""
    request = copy.copy(call.request)
    request.query = {**request.query, "$select": [select]}
    return request


def _changes(call: Call, customer: Customer, since: int | None) -> tuple[list[Note], int]:
    """Give the visible changes after a number, and the number up to which nothing is hidden any more."""
    world = call.world
    notes = sorted(world.notes.by("customer", customer.id), key=lambda note: note.number)
    if not world.channels.graph_delta and since is not None:
        return [], since
    hidden = [note.number for note in notes if note.listed_at > world.now]
    shown = [note for note in notes if note.listed_at <= world.now and (since is None or note.number > since)]
    if since is None:
        shown = [note for note in shown if note.kind not in {"deleted", "purged"}]
    upto = min(hidden) - 1 if hidden else max((note.number for note in notes), default=since or 0)
    return shown, max(upto, since or 0)


def _delta_item(call: Call, request: Any, note: Note) -> dict[str, Any] | None:
    user = call.world.users.get(note.user_id)
    if user is None or note.kind == "purged":
        return {"id": note.user_id, "@removed": {"reason": "deleted"}}
    if not user.active:
        return {"id": user.id, "@removed": {"reason": "changed"}}
    item = {**selected(request, everything(user), USUAL), "id": user.id}
    if "return=minimal" in call.request.headers.get("prefer", "").lower():
        item = {name: value for name, value in item.items() if value not in (None, [])}
    return item
