"""Subscriptions of both commerces: read, and the one PATCH for nearly everything (PC 6.1 to 6.3)."""

from datetime import timedelta

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import changes
from csp_partner_center_simulator.commerce.coterm import allowed_end_dates
from csp_partner_center_simulator.commerce.lagging import directory_lags
from csp_partner_center_simulator.commerce.refusing import refuse_renewing
from csp_partner_center_simulator.partner_center.orders import etag
from csp_partner_center_simulator.partner_center.subscription_json import shown, subscription_json
from csp_partner_center_simulator.partner_center.subscription_wish import read_wish
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.subscriptions import Shadow, Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, day, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import Body, parse_instant
from csp_partner_center_simulator.wire.router import DIRECTORY_READERS, SELLERS, Rights, Route

LATEST_START = 10  # years from now


def find(call: Call) -> Subscription:
    """Find a subscription of the customer bought through this partner; 404 20003."""
    identifier = call.params["subscription"]
    one = call.world.subscriptions.get(identifier)
    if one is None or one.customer_id != call.customer.id or one.partner_id != call.partner.id:
        raise ApiError(404, 20003, f"The subscription {identifier[:40]} was not found.")
    return one


def list_subscriptions(call: Call) -> Answer:
    """List all subscriptions of a customer, in all states, without paging (PC 6.2)."""
    customer = call.customer
    order_id, mpn = call.request.param("order_id"), call.request.param("mpn_id")
    found = [
        shown(call.world, one)
        for one in call.world.subscriptions.by("customer", customer.id)
        if one.partner_id == call.partner.id
        and (order_id is None or one.order_id == order_id.lower())
        and (mpn is None or one.reseller_mpn == mpn)
    ]
    items = [subscription_json(call.world, one) for one in found]
    return Answer(body=collection(items, f"/customers/{customer.id}/subscriptions"))


def get(call: Call) -> Answer:
    """Read one subscription."""
    return Answer(body=subscription_json(call.world, shown(call.world, find(call))))


def list_addons(call: Call) -> Answer:
    """List the legacy add-ons below a subscription (PC 4.5)."""
    one = find(call)
    items = [
        subscription_json(call.world, shown(call.world, child))
        for child in call.world.subscriptions.by("parent", one.id)
    ]
    return Answer(body=collection(items, f"/customers/{one.customer_id}/subscriptions/{one.id}/addons"))


def update(call: Call) -> Answer:
    """Change a subscription: 200 or 202 with its URI, in both cases with the resource as body (PC 6.3, 14.3)."""
    world, before, body = call.world, find(call), call.request.object()
    if before.busy_until is not None and world.now < before.busy_until:
        code = 900278 if before.commerce == "nce" else 800082
        raise ApiError(409, code, "Another operation on this subscription is pending.")
    _check_etag(call, before, body)
    refuse_renewing(before)
    wish = read_wish(world, before, body)
    if call.fault == "never_completes":
        # The value never shows; the next change is possible after a day (PC 6.3: 900278).
        world.subscriptions.put(replace(before, busy_until=world.now + timedelta(hours=24)))
        return _accepted(world, before, before)
    after = changes.change(world, before, wish, call.actor)
    late = _late(world)
    if call.fault == "rolled_back" and after != before:
        _roll_back_later(world, before)
    if after != before and after.commerce == "nce" and late:
        until = world.now + timedelta(seconds=late)
        world.shadows.put(Shadow(id=after.id, before=before, until=until))
        after = world.subscriptions.put(replace(after, busy_until=until))
        world.later(
            until,
            "subscription.visible",
            ref=after.id,
            customer_id=after.customer_id,
            subscription_id=after.id,
        )
    if after != before:
        directory_lags(world, before)
    if after.commerce == "nce" and after != before and _answers_202(world):
        return _accepted(world, before, after)
    # The published answers of legacy changes tell the version of the contract (samples of 6.3).
    version = {} if after.commerce == "nce" else {"MS-Contract-Version": "v1"}
    return Answer(body=subscription_json(world, after), headers=version)


def _accepted(world: World, before: Subscription, after: Subscription) -> Answer:
    uri = f"/customers/{before.customer_id}/subscriptions/{before.id}"
    return Answer(202, subscription_json(world, after), {"Location": uri})


def _answers_202(world: World) -> bool:
    wish = world.profile.write_answer
    if wish == "mixed":
        return world.random("write answer").random() < 0.5
    return wish == "202"


def _late(world: World) -> float:
    return world.delay("subscription", 2, 30).total_seconds()


def _roll_back_later(world: World, before: Subscription) -> None:
    world.shadows.put(
        Shadow(id=f"rollback/{before.id}", before=before, until=world.now + timedelta(minutes=5))
    )
    world.later(
        world.now + timedelta(minutes=5),
        "subscription.rollback",
        ref=before.id,
        customer_id=before.customer_id,
        subscription_id=before.id,
    )


def _check_etag(call: Call, one: Subscription, body: Body) -> None:
    """Check whichever etag is present; without any the last writer wins (PC 2.5)."""
    if one.commerce == "nce":
        return
    current = etag(one.id, one.version)
    sent = {
        call.request.headers.get("if-match", "").removeprefix("W/").strip('"'),
        body.object("attributes").text("etag").strip('"'),
    } - {"", "*"}
    if sent and sent != {current}:
        raise ApiError(400, 2055, "The etag is not the current one; read the subscription again.")


def provisioning_status(call: Call) -> Answer:
    """Tell whether the directory has the seats; refreshed every 15 minutes in the realistic profile (PC 6.11)."""
    one = find(call)
    shadow = call.world.shadows.get(f"directory/{one.id}")
    waiting = one.status == "pending" or (shadow is not None and shadow.until > call.now)
    return Answer(
        body={
            "skuId": one.directory_sku_id,
            "status": "pending" if waiting else "success",
            "quantity": shadow.before.quantity if waiting and shadow is not None else one.quantity,
            "endDate": day(one.term_end),
            "attributes": attributes("SubscriptionProvisioningStatus"),
        }
    )


def support_contact(call: Call) -> Answer:
    """Give the partner as the subscription's support contact; a PUT is answered with what was sent."""
    one = find(call)
    body = call.request.json() if call.request.method == "PUT" else {}
    uri = f"/customers/{one.customer_id}/subscriptions/{one.id}/supportcontact"
    return Answer(
        body={
            "supportTenantId": call.partner.id,
            "supportMpnId": call.partner.mpn_id,
            "name": call.partner.name,
            **(body if isinstance(body, dict) else {}),
            "links": {"self": link(uri)},
            "attributes": attributes("SupportContact"),
        }
    )


def custom_term_end_dates(call: Call) -> Answer:
    """List the end dates a first term may have (PC 6.7); 300 a page, the token in the answer's header."""
    request, customer = call.request, call.customer
    term = (request.param("term_duration") or "").upper()
    if term not in terms.TERM_MONTHS:
        raise invalid("term_duration must be P1M, P1Y or P3Y.")
    start_text = request.param("term_start_date")
    start = call.now.date()
    if start_text is not None:
        start = parse_instant(start_text, "term_start_date").date()
        if start.year > call.now.year + LATEST_START:
            raise invalid(f"term_start_date must lie within {LATEST_START} years.")
    target = request.param("target_coterm_subscription_id") or ""
    found = allowed_end_dates(call.world, customer, call.partner.id, term=term, start=start, target=target)
    token = request.headers.get("ms-continuationtoken", "")
    offset = int(token) if token.isdigit() else 0
    page = found[offset : offset + 300]
    items = [
        {
            "allowedCustomTermEndDateType": kind,
            "cotermSubscriptionIds": list(ids) or None,
            "allowedCustomTermEndDate": f"{end.isoformat()}T00:00:00",
        }
        for end, kind, ids in page
    ]
    headers = {"MS-ContinuationToken": str(offset + 300)} if offset + 300 < len(found) else {}
    uri = f"/customers/{customer.id}/subscriptions/customTermEndDates?{request.raw_query}"
    return Answer(body=collection(items, uri), headers=headers)


_SELL = Rights(roles=SELLERS, commerce=True)
_READ = Rights(commerce=True)
_DIRECTORY = Rights(app_only=False, gdap=DIRECTORY_READERS)
_C = "/v1/customers/{customer}/subscriptions"
_S = f"{_C}/{{subscription}}"
_N = "customers.subscriptions"
ROUTES = (
    Route(method="GET", path=_C, operation=f"{_N}.list", handler=list_subscriptions, rights=_READ),
    Route(
        method="GET",
        path=f"{_C}/customTermEndDates",
        operation=f"{_N}.customTermEndDates.list",
        handler=custom_term_end_dates,
        rights=_READ,
    ),
    Route(method="GET", path=_S, operation=f"{_N}.get", handler=get, rights=_READ),
    Route(method="PATCH", path=_S, operation=f"{_N}.update", handler=update, rights=_SELL),
    Route(
        method="GET", path=f"{_S}/addons", operation=f"{_N}.addons.list", handler=list_addons, rights=_READ
    ),
    Route(
        method="GET",
        path=f"{_S}/provisioningstatus",
        operation=f"{_N}.provisioningstatus.get",
        handler=provisioning_status,
        rights=_DIRECTORY,
    ),
    Route(
        method="GET",
        path=f"{_S}/supportcontact",
        operation=f"{_N}.supportcontact.get",
        handler=support_contact,
    ),
    Route(
        method="PUT",
        path=f"{_S}/supportcontact",
        operation=f"{_N}.supportcontact.update",
        handler=support_contact,
        rights=_SELL,
    ),
)
