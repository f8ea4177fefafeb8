"""Migrations from legacy to New Commerce, and their schedules (PC 6.10)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import migrating
from csp_partner_center_simulator.commerce.migrating import KIND, SCHEDULE, Wish
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.directory import Process
from csp_partner_center_simulator.wire.answer import Answer, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.paging import by_seek
from csp_partner_center_simulator.wire.request import Body
from csp_partner_center_simulator.wire.router import SELLERS, Rights, Route


def _wish(call: Call, body: Body) -> Wish:
    wanted = body.required("currentSubscriptionId")
    one = call.world.subscriptions.get(wanted)
    if one is None or one.customer_id != call.customer.id or one.partner_id != call.partner.id:
        raise ApiError(404, 20003, f"The subscription {wanted[:40]} was not found.")
    return Wish(
        subscription=one,
        term=body.text("termDuration").upper(),
        cycle=body.text("billingCycle").lower(),
        full_term=body.flag("purchaseFullTerm") or False,
        quantity=body.whole("quantity"),
        custom_term_end_date=body.at("customTermEndDate"),
        external_reference=body.text("externalReferenceId"),
        addons=tuple(_wish(call, one) for one in body.objects("addOnMigrations")),
    )


def validate(call: Call) -> Answer:
    """Tell whether a subscription can be migrated; it says nothing about promotions."""
    wish = _wish(call, call.request.object())
    return Answer(body=_verdict(call, wish))


def _verdict(call: Call, wish: Wish) -> dict[str, Any]:
    errors = [{"code": code, "description": text} for code, _, text in migrating.problems(call.world, wish)]
    return {
        **{
            name: value
            for name, value in migrating.described(call.world, wish).items()
            if name != "addOnMigrations"
        },
        "isEligible": not errors,
        "errors": errors,
        "addOnMigrations": [_verdict(call, addon) for addon in wish.addons] or None,
    }


def create(call: Call) -> Answer:
    """Start a migration."""
    wish = _wish(call, call.request.object())
    process = migrating.start(call.world, call.partner, call.customer, wish, call.actor)
    return Answer(body=migration_json(process))


def migration_json(process: Process) -> dict[str, Any]:
    """Write a migration."""
    told = {name: value for name, value in process.resource.items() if name != "correlation"}
    return {"id": process.id, "startedTime": instant(process.created_at), "status": process.status, **told}


def _find(call: Call, kind: str) -> Process:
    process = call.world.processes.get(call.params["process"])
    if process is None or process.kind != kind or process.customer_id != call.customer.id:
        raise ApiError(400, 900224, f"The migration {call.params['process'][:40]} was not found.")
    return process


def get(call: Call) -> Answer:
    """Read a migration."""
    return Answer(body=migration_json(_find(call, KIND)))


def events(call: Call) -> Answer:
    """List the events of migrations: a bare array."""
    request = call.request
    migration, subscription = request.param("migration_id"), request.param("current_subscription_id")
    if migration is None and subscription is None:
        raise invalid("migration_id or current_subscription_id is required.")
    found = [
        process
        for process in call.world.processes.by("customer", call.customer.id)
        if process.kind == KIND
        and migration in {None, process.id}
        and (subscription is None or process.resource["currentSubscriptionId"] == subscription.lower())
    ]
    return Answer(
        body=[
            {
                "id": f"{process.id}/{number}",
                "migrationId": process.id,
                "currentSubscriptionId": process.resource["currentSubscriptionId"],
                "newCommerceSubscriptionId": process.resource.get("newCommerceSubscriptionId"),
                "customerTenantId": process.customer_id,
                **event,
            }
            for process in found
            for number, event in enumerate(process.events)
        ]
    )


def across_customers(call: Call) -> Answer:
    """List the migrations of all customers, by seek paging."""
    return _listed(call, KIND, "/migrations/newcommerce", migration_json)


def schedules_across_customers(call: Call) -> Answer:
    """List the schedules of all customers, by seek paging."""
    return _listed(call, SCHEDULE, "/migrations/newcommerce/schedules", _schedule_json)


def _listed(call: Call, kind: str, uri: str, render: Callable[[Process], dict[str, Any]]) -> Answer:
    """Page through the partner's processes of a kind, narrowed by any of the query's wishes."""
    request = call.request

    def select(wishes: dict[str, Any]) -> list[Process]:
        return [
            process
            for process in call.world.processes.by("of_kind", kind)
            if process.partner_id == call.partner.id
            and wishes["status"] in {"", process.status.lower()}
            and wishes["customertenantid"] in {"", process.customer_id}
            and wishes["currentsubscriptionid"] in {"", process.resource["currentSubscriptionId"]}
            and wishes["externalreferenceid"]
            in {"", (process.resource.get("externalReferenceId") or "").lower()}
        ]

    names = ("status", "customertenantid", "currentsubscriptionid", "externalreferenceid")
    wishes = {name: (request.param(name) or "").lower() for name in names}
    if (size := request.number("pagesize")) is not None and "size" not in request.query:
        request.query["size"] = [str(size)]
    return Answer(body=by_seek(request, kind, uri, select, render, default=100, most=300, wishes=wishes))


def create_schedule(call: Call) -> Answer:
    """Schedule a migration: for a date, or at the renewal."""
    process = _save_schedule(call, call.world.new_id("schedule"))
    return Answer(201, _schedule_json(process))


def _save_schedule(call: Call, identifier: str) -> Process:
    world, body = call.world, call.request.object()
    wish = _wish(call, body)
    target, on_renewal = body.at("targetDate"), body.flag("migrateOnRenewal") or False
    if (target is None) is not on_renewal:
        raise invalid("Give either targetDate or migrateOnRenewal.")
    at = target or terms.at_midnight(wish.subscription.term_end) - timedelta(days=1)
    if at <= world.now:
        raise invalid("targetDate must lie in the future.")
    process = world.processes.put(
        Process(
            id=identifier,
            kind=SCHEDULE,
            customer_id=call.customer.id,
            partner_id=call.partner.id,
            created_at=world.now,
            status="Active",
            resource={
                "currentSubscriptionId": wish.subscription.id,
                "termDuration": wish.term or None,
                "billingCycle": wish.cycle or None,
                "purchaseFullTerm": wish.full_term,
                "quantity": wish.quantity,
                "targetDate": instant(target),
                "migrateOnRenewal": on_renewal,
                "externalReferenceId": wish.external_reference or None,
            },
        )
    )
    world.later(
        at,
        "migration.scheduled",
        ref=process.id,
        partner_id=call.partner.id,
        customer_id=call.customer.id,
        at_once=False,
    )
    return process


def _schedule_json(process: Process) -> dict[str, Any]:
    return {
        "id": process.id,
        "createdTime": instant(process.created_at),
        "status": process.status,
        **process.resource,
    }


def update_schedule(call: Call) -> Answer:
    """Change a schedule that is still active."""
    process = _find(call, SCHEDULE)
    if process.status != "Active":
        raise ApiError(400, 800040, f"The schedule is {process.status}.")
    return Answer(body=_schedule_json(_save_schedule(call, process.id)))


def get_schedule(call: Call) -> Answer:
    """Read a schedule."""
    return Answer(body=_schedule_json(_find(call, SCHEDULE)))


def list_schedules(call: Call) -> Answer:
    """List the customer's schedules: a bare array."""
    found = [one for one in call.world.processes.by("customer", call.customer.id) if one.kind == SCHEDULE]
    return Answer(body=[_schedule_json(one) for one in found])


def cancel_schedule(call: Call) -> Answer:
    """Cancel a schedule."""
    process = _find(call, SCHEDULE)
    if process.status != "Active":
        raise ApiError(400, 800040, f"The schedule is {process.status}.")
    call.world.agenda.remove(f"migration.scheduled/{process.id}")
    return Answer(body=_schedule_json(call.world.processes.put(replace(process, status="Cancelled"))))


_SELL, _READ = Rights(roles=SELLERS, commerce=True), Rights(commerce=True)
_M = "/v1/customers/{customer}/migrations/newcommerce"
_N = "customers.migrations.newcommerce"
ROUTES = (
    Route(method="POST", path=f"{_M}/validate", operation=f"{_N}.validate", handler=validate, rights=_SELL),
    Route(method="POST", path=_M, operation=f"{_N}.create", handler=create, rights=_SELL),
    Route(method="GET", path=f"{_M}/events", operation=f"{_N}.events.list", handler=events, rights=_READ),
    Route(
        method="GET",
        path=f"{_M}/schedules",
        operation=f"{_N}.schedules.list",
        handler=list_schedules,
        rights=_READ,
    ),
    Route(
        method="POST",
        path=f"{_M}/schedules",
        operation=f"{_N}.schedules.create",
        handler=create_schedule,
        rights=_SELL,
    ),
    Route(
        method="GET",
        path=f"{_M}/schedules/{{process}}",
        operation=f"{_N}.schedules.get",
        handler=get_schedule,
        rights=_READ,
    ),
    Route(
        method="PUT",
        path=f"{_M}/schedules/{{process}}",
        operation=f"{_N}.schedules.update",
        handler=update_schedule,
        rights=_SELL,
    ),
    Route(
        method="POST",
        path=f"{_M}/schedules/{{process}}/cancel",
        operation=f"{_N}.schedules.cancel",
        handler=cancel_schedule,
        rights=_SELL,
    ),
    Route(method="GET", path=f"{_M}/{{process}}", operation=f"{_N}.get", handler=get, rights=_READ),
    Route(
        method="GET",
        path="/v1/migrations/newcommerce",
        operation="migrations.newcommerce.list",
        handler=across_customers,
    ),
    Route(
        method="GET",
        path="/v1/migrations/newcommerce/schedules",
        operation="migrations.newcommerce.schedules.list",
        handler=schedules_across_customers,
    ),
)
