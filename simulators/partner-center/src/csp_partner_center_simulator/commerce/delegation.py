"""Granular delegated admin relationships: asked for, approved by the customer, given to groups (PC 1.2, 3.6)."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.directory import Process
from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.call import Actor

KIND = "gdap"
# Ids of built-in directory roles, the same in every tenant.
ROLES = {
    "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451": "Global Reader",
    "fe930be7-5e62-47db-91af-98c3a49a38b1": "User Administrator",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8": "Helpdesk Administrator",
    "4d6ac14f-3453-41d0-bef9-a3e0c569773a": "License Administrator",
    "b0f54661-2d74-4c50-afa3-1ec803f12efe": "Billing Administrator",
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b": "Directory Readers",
    "9360feb5-f418-4baa-8175-e2a00bac4301": "Directory Writers",
    "e8611ab8-c189-46e8-94e1-60213ab1f814": "Privileged Role Administrator",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "Privileged Authentication Administrator",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "Application Administrator",
    "158c047a-c907-4556-b7ef-446551a6b5f7": "Cloud Application Administrator",
    "8329153b-31d0-4727-b945-745eb3bc5f31": "Domain Administrator",
}


def announce(world: World, process: Process, event: str, actor: Actor, suffix: str = "") -> None:
    """Log and announce a step of a relationship or of one of its access assignments."""
    assignment = suffix != ""
    customer = world.customers.get(process.customer_id)
    kind = "granular_admin_access_assignment" if assignment else "granular_admin_relationship"
    audit = activity.record(
        world,
        actor,
        customer,
        kind,
        f"{kind}_{event}",
        data=(("RelationshipId", process.id),),
        partner_id=process.partner_id,
    )
    activity.announce(
        world,
        process.partner_id,
        f"{kind.replace('_', '-')}-{event}",
        "GranularAdminAccessAssignment" if assignment else "GranularAdminRelationship",
        f"https://partner.microsoft.com/granularAdminRelationships/{process.id}{suffix}",
        audit,
        refs=(process.customer_id, ""),
    )


def approve(world: World, partner: Partner, customer: Customer, process: Process, actor: Actor) -> Process:
    """Let the customer approve a relationship that waits for it: it is active until its end."""
    end = world.now + timedelta(days=int(process.resource["days"]))
    process = world.processes.put(
        replace(
            process,
            status="active",
            customer_id=customer.id,
            resource={**process.resource, "activated": world.now.isoformat(), "end": end.isoformat()},
        )
    )
    world.later(
        end, "gdap.expired", ref=process.id, partner_id=partner.id, customer_id=customer.id, at_once=False
    )
    announce(world, process, "approved", actor)
    announce(world, process, "activated", actor)
    return process


def expired(world: World, task: Task) -> None:
    """End a relationship whose time is over (agenda: `gdap.expired`)."""
    process = world.processes.get(task.ref)
    if process is not None and process.status == "active":
        end(
            world,
            process,
            "expired",
            Actor(partner_id=process.partner_id, application_id="DelegatedAdminService"),
        )


def end(world: World, process: Process, status: str, actor: Actor) -> None:
    """End a relationship: the roles it gave are gone."""
    world.processes.put(replace(process, status=status))
    refresh_roles(world, process)
    announce(world, process, status, actor)


def refresh_roles(world: World, process: Process) -> None:
    """Set the partner's roles in the tenant: the standing ones and what its active assignments give."""
    customer = world.customers.get(process.customer_id)
    if customer is None:
        return
    names: dict[str, None] = {}
    for one in world.processes.by("customer", customer.id):
        if one.kind == KIND and one.partner_id == process.partner_id and one.status == "active":
            for assignment in one.resource["assignments"].values():
                names.update(dict.fromkeys(ROLES[role] for role in assignment["roles"]))
    relations = tuple(
        replace(one, gdap_roles=tuple(dict.fromkeys((*one.standing_roles, *names))))
        if one.partner_id == process.partner_id
        else one
        for one in customer.relations
    )
    world.customers.put(replace(customer, relations=relations))


def made(world: World, partner: Partner, resource: dict[str, Any], customer_id: str) -> Process:
    """Make a relationship that nobody has asked the customer for yet."""
    return world.processes.put(
        Process(
            id=world.new_id("gdap"),
            kind=KIND,
            customer_id=customer_id,
            partner_id=partner.id,
            created_at=world.now,
            status="created",
            resource={**resource, "assignments": {}},
            number=world.next_number(),
        )
    )
