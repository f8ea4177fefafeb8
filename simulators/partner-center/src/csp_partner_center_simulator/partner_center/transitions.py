"""Transitions of New Commerce: eligibilities, doing one, history (PC 6.8)."""

from typing import Any
from uuid import UUID, uuid5

from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import transitions
from csp_partner_center_simulator.commerce.checks import find as find_item
from csp_partner_center_simulator.partner_center.products import availability_id
from csp_partner_center_simulator.partner_center.subscriptions import find
from csp_partner_center_simulator.rules.terms import TERM_MONTHS
from csp_partner_center_simulator.state.directory import Process
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, instant, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.filters import operator
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route

KIND = "transition"
ONLY, WITH_LICENSES = "transition_only", "transition_with_license_transfer"


def _source(call: Call) -> Subscription:
    one = find(call)
    if one.commerce != "nce":
        raise ApiError(403, 900263, "This method is not for legacy subscriptions; use upgrades.")
    return one


def eligibilities(call: Call) -> Answer:
    """List where a subscription can move to, now or at its renewal."""
    one = _source(call)
    kind = (call.request.param("eligibilityType") or "immediate").lower()
    if kind not in {"immediate", "scheduled"}:
        raise ApiError(400, 900126, "eligibilityType must be immediate or scheduled.")
    refused = transitions.problem(one, one.quantity)
    asked = str(uuid5(UUID(one.id), f"{kind}/{one.version}"))
    items = [
        {
            "operationId": asked,
            **_eligibility(call, one, item, refused, into_others=kind == "immediate" and not one.is_trial),
        }
        for item in transitions.targets(call.world, one)
    ]
    uri = (
        f"/customers/{one.customer_id}/subscriptions/{one.id}/transitionEligibilities?eligibilityType={kind}"
    )
    return Answer(body=collection(items, uri))


def _eligibility(
    call: Call, one: Subscription, item: Item, refused: tuple[int, str] | None, *, into_others: bool
) -> dict[str, Any]:
    errors = [{"code": refused[0], "description": refused[1]}] if refused else []
    existing = [
        other
        for other in call.world.subscriptions.by("customer", one.customer_id)
        if into_others and other.partner_id == one.partner_id and other.id != one.id
        if other.commerce == "nce" and f"{other.product_id}:{other.sku_id}" == item.key
    ]
    return {
        "catalogItemId": f"{item.key}:{availability_id(call.world, item)}",
        "title": item.title,
        "description": f"{item.title}.",
        "quantity": one.quantity,
        "eligibilities": [
            {"isEligible": not errors, "transitionType": kind, "errors": errors}
            for kind in (ONLY, WITH_LICENSES)
        ],
        "subscriptionEligibilities": [
            {
                "isEligible": not (problems := _why_not_into(call, one, other)),
                "subscriptionId": other.id,
                "subscriptionFriendlyName": other.friendly_name,
                "subscriptionTermDuration": other.term,
                "subscriptionBillingCycle": other.billing_cycle,
                "errors": problems,
            }
            for other in existing
        ],
        "attributes": attributes("TransitionEligibility"),
    }


def _why_not_into(call: Call, one: Subscription, other: Subscription) -> list[dict[str, Any]]:
    """Give the reasons, 1 to 4, why seats cannot move into a subscription that is there (PC 6.8)."""
    reasons = (
        (1, other.status != "active", "The target subscription is not active."),
        (
            2,
            other.cancel_until is not None and call.now <= other.cancel_until,
            "The target subscription is within its cancellation window.",
        ),
        (
            3,
            TERM_MONTHS[other.term] < TERM_MONTHS[one.term],
            "The term of the target subscription is shorter than the source's.",
        ),
        (4, other.term_end < one.term_end, "The target subscription ends before the source."),
    )
    return [{"code": code, "description": text} for code, applies, text in reasons if applies]


def create(call: Call) -> Answer:
    """Do a transition."""
    world, one, body = call.world, _source(call), call.request.object()
    if (quantity := body.whole("quantity")) is None:
        raise invalid("quantity is required.", code=3000)
    kind = body.required("transitionType")
    if operator(kind) not in {operator(ONLY), operator(WITH_LICENSES)}:
        raise ApiError(400, 900126, f"transitionType must be {ONLY} or {WITH_LICENSES}.")
    wanted = body.required("toCatalogItemId")
    found = find_item(world, wanted)
    if found.item is None or found.item not in transitions.targets(world, one):
        raise ApiError(403, 800020, f"{wanted[:60]} is not a target of this subscription.")
    if found.error is not None:
        raise ApiError(404, found.error.code, found.error.description)
    term = (body.text("termDuration") or (found.item.terms[0] if one.is_trial else one.term)).upper()
    plans = [cycle for plan, cycle in found.item.plans if plan == term]
    usual = one.billing_cycle if one.billing_cycle in plans else next(iter(plans), one.billing_cycle)
    into = None
    if target := body.text("toSubscriptionId").lower():
        into = world.subscriptions.get(target)
        if into is None or into.customer_id != one.customer_id or into.partner_id != one.partner_id:
            raise ApiError(404, 20003, f"The subscription {target[:40]} was not found.")
    before_item = one.offer_id
    moved = transitions.move(
        world,
        one,
        found.item,
        found.availability_id,
        quantity=quantity,
        term=term,
        cycle=(body.text("billingCycle") or usual).lower(),
        into=into,
        with_licenses=operator(kind) == operator(WITH_LICENSES),
        actor=call.actor,
    )
    steps = (
        ("Conversion", "LicenseReassignment")
        if operator(kind) == operator(WITH_LICENSES)
        else ("Conversion",)
    )
    process = world.processes.put(
        Process(
            id=world.new_id("transition"),
            kind=KIND,
            customer_id=one.customer_id,
            partner_id=one.partner_id,
            created_at=world.now,
            status="Completed",
            number=world.next_number(),
            resource={
                "subscription": one.id,
                "fromCatalogItemId": before_item,
                "fromSubscriptionId": one.id,
                "toCatalogItemId": wanted,
                "toSubscriptionId": moved.id,
                "quantity": quantity,
                "termDuration": term,
                "billingCycle": moved.billing_cycle,
                "transitionType": WITH_LICENSES if len(steps) > 1 else ONLY,
            },
            events=tuple(
                {
                    "name": step,
                    "status": status,
                    "timestamp": instant(world.now),
                    "errors": [],
                    "attributes": {"objectType": "TransitionEvent"},
                }
                for step in steps
                for status in ("Started", "Completed")
            ),
        )
    )
    return Answer(body=_transition_json(process))


def _transition_json(process: Process) -> dict[str, Any]:
    told = {name: value for name, value in process.resource.items() if name != "subscription"}
    return {
        "operationId": process.id,
        **told,
        "events": list(process.events),
        "attributes": attributes("Transition"),
    }


def history(call: Call) -> Answer:
    """List what a subscription went through, under `transition` instead of `items` (PC 2.4)."""
    one = _source(call)
    wanted = call.request.param("operationId")
    found = [
        process
        for process in call.world.processes.by("customer", one.customer_id)
        if process.kind == KIND
        and process.resource["subscription"] == one.id
        and wanted in {None, process.id}
    ]
    uri = f"/customers/{one.customer_id}/subscriptions/{one.id}/transitions"
    return Answer(
        body={
            "totalCount": len(found),
            "transition": [_transition_json(process) for process in found],
            "links": {"self": link(uri)},
            "attributes": attributes("Collection"),
        }
    )


_S = "/v1/customers/{customer}/subscriptions/{subscription}"
_N = "customers.subscriptions"
ROUTES = (
    Route(
        method="GET",
        path=f"{_S}/transitionEligibilities",
        operation=f"{_N}.transitionEligibilities.list",
        handler=eligibilities,
        rights=Rights(commerce=True),
    ),
    Route(
        method="GET",
        path=f"{_S}/transitions",
        operation=f"{_N}.transitions.list",
        handler=history,
        rights=Rights(commerce=True),
    ),
    Route(
        method="POST",
        path=f"{_S}/transitions",
        operation=f"{_N}.transitions.create",
        handler=create,
        rights=Rights(roles=SELLERS, commerce=True),
    ),
)
