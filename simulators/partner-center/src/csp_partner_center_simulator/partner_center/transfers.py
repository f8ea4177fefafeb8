"""Transfers between partners, in the form of 2020 (the source creates) and of 2026 (the target does) (PC 6.12)."""

import dataclasses
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity, transferring
from csp_partner_center_simulator.partner_center.orders import order_json
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.directory import Process
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.wire.answer import Answer, attributes, instant, link
from csp_partner_center_simulator.wire.call import GUID, Call, related_customer
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import ADMINS, Rights, Route

KIND = "transfer"


def _customer(call: Call) -> Customer:
    """Find the customer of the path: a target partner has no relationship with it yet."""
    wanted = call.params["tenant"]
    found = call.world.customers.get(wanted) if GUID.fullmatch(wanted) else None
    return found or related_customer(call.world, call.partner, wanted)


def eligibility(call: Call) -> Answer:
    """Tell per subscription whether it can be transferred: a bare array."""
    customer = related_customer(call.world, call.partner, call.params["tenant"])
    found = [
        one
        for one in call.world.subscriptions.by("customer", customer.id)
        if one.partner_id == call.partner.id
    ]
    return Answer(
        body=[
            {"id": one.id, "isEligible": not (reason := transferring.eligible(one)), "reason": reason or None}
            for one in found
            if one.status != "deleted"
        ]
    )


def create(call: Call) -> Answer:
    """Begin a transfer."""
    world, body, customer = call.world, call.request.object(), _customer(call)
    source_id = (body.text("sourcePartnerTenantId") or call.partner.id).lower()
    mode = world.profile.transfers
    if source_id == call.partner.id:
        if mode == "target":
            raise ApiError(400, 900141, "Transfers are created by the target partner.")
        if customer.relation(call.partner.id) is None:
            raise ApiError(403, 20002, "The partner has no relationship with this customer.")
        target_id = body.required("targetPartnerTenantId").lower()
        if target_id == call.partner.id:
            raise ApiError(400, 900148, "A transfer needs two partners; source and target are the same.")
        _partner(call, target_id)
        lines = _lines(call, body, customer)
        status = "Active"
    else:
        if mode == "source":
            raise ApiError(400, 900141, "Transfers are created by the source partner.")
        _partner(call, source_id)
        target_id, lines, status = call.partner.id, [], "Pending"
    process = world.processes.put(
        Process(
            id=world.new_id("transfer"),
            kind=KIND,
            customer_id=customer.id,
            partner_id=source_id,
            created_at=world.now,
            status=status,
            resource={
                "sourcePartnerTenantId": source_id,
                "targetPartnerTenantId": target_id,
                "customerTenantId": customer.id,
                "lineItems": lines,
                "lastModifiedTime": instant(world.now),
                "lastModifiedUser": call.caller.user_id or call.caller.application_id,
                "partnerOnRecord": body.text("partnerOnRecord") or None,
            },
        )
    )
    activity.record(
        world,
        call.actor,
        customer,
        "transfer",
        "create_transfer",
        data=(("TransferId", process.id),),
        partner_id=call.partner.id,
    )
    return Answer(201, transfer_json(process))


def _partner(call: Call, tenant_id: str) -> None:
    if tenant_id not in call.world.partners:
        raise ApiError(403, 900137, f"The partner {tenant_id[:40]} is not enabled for transfers.")


def _lines(call: Call, body: Body, customer: Customer) -> list[dict[str, Any]]:
    wished = body.objects("lineItems")
    if not wished:
        raise invalid("lineItems must have at least one line.", code=800078)
    lines = []
    for number, line in enumerate(wished):
        one = _subscription(call, customer, line.required("subscriptionId"))
        reason = transferring.eligible(one)
        if reason:
            raise ApiError(400, 800078, reason)
        lines.append(transferring.line_json(call.world, one, number, line.text("partnerIdOnRecord")))
    return lines


def _subscription(call: Call, customer: Customer, wanted: str) -> Subscription:
    one = call.world.subscriptions.get(wanted)
    if one is None or one.customer_id != customer.id or one.partner_id != call.partner.id:
        raise ApiError(400, 800078, f"The subscription {wanted[:40]} was not found.")
    return one


def transfer_json(process: Process) -> dict[str, Any]:
    """Write a transfer."""
    return {
        "id": process.id,
        "status": process.status,
        "createdTime": instant(process.created_at),
        **process.resource,
        "partnertenantid": process.resource["sourcePartnerTenantId"],
        "links": {"self": link(f"/customers/{process.customer_id}/transfers/{process.id}")},
        "attributes": attributes("TransferEntity"),
    }


def _find(call: Call) -> Process:
    process = call.world.processes.get(call.params["transfer"])
    if (
        process is None
        or process.kind != KIND
        or process.customer_id != _customer(call).id
        or call.partner.id
        not in {process.resource["sourcePartnerTenantId"], process.resource["targetPartnerTenantId"]}
    ):
        raise ApiError(404, 900100, f"The transfer {call.params['transfer'][:40]} was not found.")
    return process


def list_transfers(call: Call) -> Answer:
    """List the transfers this partner takes part in: a bare array (PC 2.4)."""
    found = [
        process
        for process in call.world.processes.by("customer", _customer(call).id)
        if process.kind == KIND
        and call.partner.id
        in {process.resource["sourcePartnerTenantId"], process.resource["targetPartnerTenantId"]}
    ]
    return Answer(body=[transfer_json(process) for process in found])


def get(call: Call) -> Answer:
    """Read a transfer."""
    return Answer(body=transfer_json(_find(call)))


def accept(call: Call) -> Answer:
    """Accept as the target: each line becomes an order, or an error (PC 6.12)."""
    process = _find(call)
    if process.resource["targetPartnerTenantId"] != call.partner.id:
        raise ApiError(403, 2032, "Only the target partner can accept a transfer.")
    if process.status != "Active":
        raise ApiError(400, 900102, f"The transfer is {process.status}.")
    return Answer(body=_execute(call, process))


def _execute(call: Call, process: Process) -> dict[str, Any]:
    world, resource = call.world, process.resource
    target, customer = world.partners[resource["targetPartnerTenantId"]], world.customers[process.customer_id]
    orders, errors = [], []
    for line in resource["lineItems"]:
        one = world.subscriptions.get(str(line["subscriptionId"]))
        reason = transferring.eligible(one) if one is not None else "The subscription is gone."
        if one is None or reason:
            errors.append(
                {
                    "transferGroupId": line["transferGroupId"],
                    "lineItems": [line],
                    "code": 900103,
                    "description": reason,
                    "attributes": attributes("TransferError"),
                }
            )
            continue
        mpn = str(line.get("partnerIdOnRecord") or "")
        orders.append(
            transferring.take_over(world, target, customer, one, mpn, replace_partner(call, target.id))
        )
    status = "Complete" if not errors else "PartiallyComplete" if orders else "Failed"
    world.processes.put(
        replace(process, status=status, resource={**resource, "lastModifiedTime": instant(world.now)})
    )
    return {
        "orders": [order_json(world, order, customer.country) for order in orders],
        "transferErrors": errors,
        "attributes": attributes("TransferSubmitResult"),
    }


def replace_partner(call: Call, partner_id: str) -> Any:
    """Give the actor, on behalf of the partner whose log it goes to."""
    return dataclasses.replace(call.actor, partner_id=partner_id)


def update(call: Call) -> Answer:
    """Reject as the target, or (form of 2026) submit the lines as the source, which completes the transfer."""
    process, body = _find(call), call.request.object()
    wanted = body.text("status").lower()
    if wanted.startswith("reject"):
        if process.resource["targetPartnerTenantId"] != call.partner.id:
            raise ApiError(403, 2032, "Only the target partner can reject a transfer.")
        _open(process)
        return Answer(body=transfer_json(call.world.processes.put(replace(process, status="Reject"))))
    if process.status == "Pending" and process.resource["sourcePartnerTenantId"] == call.partner.id:
        lines = _lines(call, body, _customer(call))
        process = call.world.processes.put(
            replace(process, status="InProgress", resource={**process.resource, "lineItems": lines})
        )
        _execute(call, process)
        return Answer(body=transfer_json(call.world.processes[process.id]))
    raise ApiError(400, 900102, f"The transfer is {process.status} and cannot be changed so.")


def _open(process: Process) -> None:
    if process.status not in {"Active", "Pending"}:
        raise ApiError(400, 900102, f"The transfer is {process.status}.")


def withdraw(call: Call) -> Answer:
    """Withdraw a transfer that was not accepted yet."""
    process = _find(call)
    _open(process)
    call.world.processes.put(replace(process, status="Cancelled"))
    return Answer(204)


_RIGHTS = Rights(roles=ADMINS)
# The segment is not called `customer`: a target partner has no relationship with the tenant before it accepts.
_T = "/v1/customers/{tenant}/transfers"
_N = "customers.transfers"
ROUTES = (
    Route(
        method="GET",
        path="/v1/customers/{tenant}/transferseligibility",
        operation=f"{_N}eligibility.list",
        handler=eligibility,
    ),
    Route(method="POST", path=_T, operation=f"{_N}.create", handler=create, rights=_RIGHTS),
    Route(method="GET", path=_T, operation=f"{_N}.list", handler=list_transfers),
    Route(method="GET", path=f"{_T}/{{transfer}}", operation=f"{_N}.get", handler=get),
    Route(
        method="POST",
        path=f"{_T}/{{transfer}}/accept",
        operation=f"{_N}.accept",
        handler=accept,
        rights=_RIGHTS,
    ),
    Route(
        method="PATCH", path=f"{_T}/{{transfer}}", operation=f"{_N}.update", handler=update, rights=_RIGHTS
    ),
    Route(
        method="DELETE", path=f"{_T}/{{transfer}}", operation=f"{_N}.delete", handler=withdraw, rights=_RIGHTS
    ),
)
