"""The segments a customer belongs to or has applied for (PC 3.9)."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity
from csp_partner_center_simulator.state.customers import Qualification
from csp_partner_center_simulator.wire.answer import Answer, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route

SEGMENTS = ("Education", "GovernmentCommunityCloud", "StateOwnedEntity", "Nonprofit")


def _qualification_json(one: Qualification) -> dict[str, Any]:
    return {
        "qualification": one.qualification,
        "vettingStatus": one.vetting_status,
        "vettingCreateDate": instant(one.vetting_create_date),
    }


def qualifications(call: Call) -> Answer:
    """List the customer's segments: a bare array (PC 3.9)."""
    return Answer(body=[_qualification_json(one) for one in call.customer.qualifications])


def apply_for_qualification(call: Call) -> Answer:
    """Apply for a segment; approval comes three days later."""
    world, body = call.world, call.request.object()
    wanted = body.required("qualification")
    name = next((one for one in SEGMENTS if one.lower() == wanted.lower()), None)
    if name is None:
        raise ApiError(400, 900126, f"qualification must be one of {', '.join(SEGMENTS)}.")
    if any(one.qualification == name for one in call.customer.qualifications):
        raise ApiError(409, 600009, f"The customer has the qualification {name} already.")
    made = Qualification(qualification=name, vetting_status="InReview", vetting_create_date=world.now)
    customer = world.customers.put(
        replace(call.customer, qualifications=(*call.customer.qualifications, made))
    )
    world.later(
        world.now + timedelta(days=3),
        "customer.qualified",
        ref=f"{customer.id}/{name}",
        customer_id=customer.id,
        at_once=False,
    )
    activity.record(
        world,
        call.actor,
        customer,
        "customer",
        "update_customer_qualification",
        data=(("Qualification", name),),
    )
    return Answer(201, _qualification_json(made))


def qualification_of_2020(call: Call) -> Answer:
    """Give the one segment that clients of 2020 know: a bare JSON string."""
    names = [
        one.qualification.lower() for one in call.customer.qualifications if one.vetting_status != "InReview"
    ]
    return Answer(body=names[0] if names else "none")


def set_qualification_of_2020(call: Call) -> Answer:
    """Set the one segment as clients of 2020 do: at once."""
    wanted = call.request.json()
    if isinstance(wanted, dict):
        wanted = next(iter(wanted.values()), "")
    if str(wanted).lower() == "none":
        world_customer = replace(call.customer, qualifications=())
    else:
        name = next((one for one in SEGMENTS if one.lower() == str(wanted).lower()), None)
        if name is None:
            raise ApiError(400, 900126, f"The qualification must be none or one of {', '.join(SEGMENTS)}.")
        world_customer = replace(
            call.customer, qualifications=(Qualification(qualification=name, vetting_status="Approved"),)
        )
    call.world.customers.put(world_customer)
    activity.record(call.world, call.actor, world_customer, "customer", "update_customer_qualification")
    return qualification_of_2020(call)


_SELL = Rights(roles=SELLERS)

_C = "/v1/customers/{customer}"
ROUTES = (
    Route(
        method="GET",
        path=f"{_C}/qualifications",
        operation="customers.qualifications.list",
        handler=qualifications,
    ),
    Route(
        method="POST",
        path=f"{_C}/qualifications",
        operation="customers.qualifications.create",
        handler=apply_for_qualification,
        rights=_SELL,
    ),
    Route(
        method="GET",
        path=f"{_C}/qualification",
        operation="customers.qualification.get",
        handler=qualification_of_2020,
    ),
    Route(
        method="PUT",
        path=f"{_C}/qualification",
        operation="customers.qualification.update",
        handler=set_qualification_of_2020,
        rights=_SELL,
    ),
)
