"""Moves legacy subscriptions to New Commerce: a new subscription takes over, the old one ends (PC 6.10)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.billing import charges
from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import activity, changes, lifecycle, purchasing
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.directory import Process
from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.orders import CartLine
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import day as day_text
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.call import Actor
from csp_partner_center_simulator.wire.errors import ApiError

KIND, SCHEDULE = "migration", "migration_schedule"
YOUNGEST = timedelta(days=30)
# (code in an eligibility's errors, code of the refused create, text)
NOT_ACTIVE = (1, 900215, "Subscription cannot be migrated because it is not active")
TOO_YOUNG = (2, 900226, "Subscription cannot be migrated within a month of its purchase")
NEAR_END = (3, 900217, "Subscription cannot be migrated within 24 hours of its term's end")
PROMOTED = (4, 900218, "Subscription cannot be migrated because it has a promotion")
NO_EQUIVALENT = (
    5,
    900220,
    "Subscription cannot be migrated to New Commerce because the equivalent offer is not yet available in New Commerce",
)
BAD_PLAN = (6, 900222, "The term or billing cycle is not sold for the New Commerce product")
BAD_QUANTITY = (7, 900275, "The quantity is outside the limits of the New Commerce product")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a migration shall become; `addons` are migrated with their base."""

    subscription: Subscription
    term: str = ""
    cycle: str = ""
    full_term: bool = False
    quantity: int | None = None
    custom_term_end_date: datetime | None = None
    external_reference: str = ""
    addons: tuple["Wish", ...] = ()


def equivalent(world: World, one: Subscription) -> Item | None:
    """Give the New Commerce SKU with the same directory SKU and segment."""
    offer = world.catalogue.offer(one.offer_id)
    found = [
        item
        for item in world.catalogue.skus.values()
        if item.directory_sku_id == one.directory_sku_id
        and item.sold
        and not item.is_trial
        and offer is not None
        and item.segment == offer.segment
    ]
    return min(found, key=lambda item: (item.is_addon != one.is_addon, item.key)) if found else None


def plan_of(item: Item, wish: Wish) -> tuple[str, str]:
    """Give term and billing cycle: the wished, else a year with the old cycle."""
    term = wish.term or ("P1Y" if "P1Y" in item.terms else item.terms[0])
    return term, wish.cycle or wish.subscription.billing_cycle


def problems(world: World, wish: Wish) -> list[tuple[int, int, str]]:
    """List why a migration is not possible; empty when it is."""
    one = wish.subscription
    found = []
    if one.commerce != "legacy" or one.status != "active":
        found.append(NOT_ACTIVE)
    if world.now - one.created_at < YOUNGEST:
        found.append(TOO_YOUNG)
    if terms.last_second(one.term_end) - world.now < timedelta(hours=24):
        found.append(NEAR_END)
    if one.promotion_id:
        found.append(PROMOTED)
    item = equivalent(world, one)
    if item is None:
        return [*found, NO_EQUIVALENT]
    if plan_of(item, wish) not in item.plans:
        found.append(BAD_PLAN)
    if not item.minimum <= (wish.quantity or one.quantity) <= item.maximum:
        found.append(BAD_QUANTITY)
    return found


def start(world: World, partner: Partner, customer: Customer, wish: Wish, actor: Actor) -> Process:
    """Begin a migration; it completes at once, or some minutes later in the realistic profile."""
    refused = problems(world, wish)
    if refused:
        _, code, reason = refused[0]
        raise ApiError(403 if code == TOO_YOUNG[1] else 400, code, reason)
    process = world.processes.put(
        Process(
            id=world.new_id("migration"),
            kind=KIND,
            customer_id=customer.id,
            partner_id=partner.id,
            created_at=world.now,
            status="Processing",
            resource={**described(world, wish), "correlation": actor.correlation_id},
            events=({"name": "MigrationStarted", "status": "Completed", "createdTime": instant(world.now)},),
            number=world.next_number(),
        )
    )
    _tell(world, process, "new-commerce-migration-created")
    world.later(
        world.now + world.delay("migration", 60, 1800), "migration.step", ref=process.id,
        partner_id=partner.id, customer_id=customer.id, subscription_id=wish.subscription.id,
    )  # fmt: skip
    return process


def described(world: World, wish: Wish) -> dict[str, Any]:
    """Describe a migration as its resource does."""
    one = wish.subscription
    item = equivalent(world, one)
    if item is None:
        return {"currentSubscriptionId": one.id}
    term, cycle = plan_of(item, wish)
    availability = world.catalogue.availability(
        item, world.now.date(), rotate=world.profile.rotate_availabilities
    )
    return {
        "currentSubscriptionId": one.id,
        "customerTenantId": one.customer_id,
        "catalogItemId": f"{item.key}:{availability}",
        "subscriptionEndDate": day_text(one.term_end),
        "quantity": wish.quantity or one.quantity,
        "termDuration": term,
        "billingCycle": cycle.capitalize(),
        "purchaseFullTerm": wish.full_term,
        "customTermEndDate": instant(wish.custom_term_end_date),
        "externalReferenceId": wish.external_reference or None,
        "addOnMigrations": [described_addon(world, addon) for addon in wish.addons],
    }


def described_addon(world: World, wish: Wish) -> dict[str, Any]:
    """Give what the migration of an add-on makes; add-ons have none of their own."""
    return {name: value for name, value in described(world, wish).items() if name != "addOnMigrations"}


def step(world: World, task: Task) -> None:
    """Complete a migration (agenda: `migration.step`)."""
    process = world.processes.get(task.ref)
    if process is None or process.status != "Processing":
        return
    partner, customer = world.partners[process.partner_id], world.customers[process.customer_id]
    actor = Actor(
        partner_id=partner.id,
        application_id="MigrationService",
        correlation_id=str(process.resource.get("correlation", "")),
    )
    try:
        with world.savepoint():
            made, order_id = _take_over(world, partner, customer, process.resource, actor)
    except ApiError as refusal:
        _finish(world, process, "Failed", {}, ("MigrationFailed", refusal.description))
        _tell(world, process, "new-commerce-migration-failed")
        return
    done = {
        "newCommerceSubscriptionId": made,
        "newCommerceOrderId": order_id,
        "completedTime": instant(world.now),
    }
    _finish(
        world, process, "Completed", done,
        ("NewCommerceSubscriptionCreated", ""), ("NewCommerceSubscriptionProvisioned", ""), ("MigrationCompleted", ""),
    )  # fmt: skip
    _tell(world, process, "new-commerce-migration-completed")


def _take_over(
    world: World, partner: Partner, customer: Customer, resource: dict[str, Any], actor: Actor
) -> tuple[str, str]:
    old = world.subscriptions[resource["currentSubscriptionId"]]
    cycle, term = str(resource["billingCycle"]).lower(), str(resource["termDuration"])
    end = resource.get("customTermEndDate")
    wished_end = datetime.fromisoformat(end) if end else None
    natural = terms.term_end(world.now.date(), term)
    if wished_end is None and not resource["purchaseFullTerm"] and old.term_end < natural:
        wished_end = terms.at_midnight(old.term_end)  # without a full term the old end date stays
    line = CartLine(
        number=0,
        catalog_item_id=str(resource["catalogItemId"]),
        quantity=int(resource["quantity"]),
        billing_cycle=cycle,
        term=term,
        friendly_name=old.friendly_name,
        custom_term_end_date=wished_end,
        partner_id_on_record=old.reseller_mpn,
    )
    order = purchasing.place(world, partner, customer, [line], actor)
    made = world.subscriptions[order.lines[0].subscription_id]
    world.subscriptions.put(replace(made, migrated_from=old.id))
    ended = replace(old, status="deleted", ended_at=world.now, auto_renew=False, version=old.version + 1)
    world.subscriptions.put(ended)
    charges.taken_over(world, old, ended)
    lifecycle.plan(world, ended)
    changes.announce(world, old, ended, actor)
    for addon in resource.get("addOnMigrations", ()):
        if "catalogItemId" in addon:
            _take_over(world, partner, customer, addon, actor)
    return made.id, order.id


def _finish(
    world: World, process: Process, status: str, done: dict[str, Any], *events: tuple[str, str]
) -> None:
    told = tuple(
        {
            "name": name,
            "status": "Failed" if text else "Completed",
            "createdTime": instant(world.now),
            **({"errorDescription": text} if text else {}),
        }
        for name, text in events
    )
    world.processes.put(
        replace(
            process, status=status, resource={**process.resource, **done}, events=(*process.events, *told)
        )
    )


def _tell(world: World, process: Process, event: str) -> None:
    activity.announce(
        world,
        process.partner_id,
        event,
        "migration",
        f"{activity.API_HOST}/v1/customers/{process.customer_id}/migrations/newcommerce/{process.id}",
        refs=(process.customer_id, str(process.resource["currentSubscriptionId"])),
    )


def scheduled(world: World, task: Task) -> None:
    """Start a scheduled migration (agenda: `migration.scheduled`)."""
    schedule = world.processes.get(task.ref)
    if schedule is None or schedule.status != "Active":
        return
    partner, customer = world.partners[schedule.partner_id], world.customers[schedule.customer_id]
    one = world.subscriptions.get(str(schedule.resource["currentSubscriptionId"]))
    actor = Actor(
        partner_id=partner.id, application_id="MigrationService", correlation_id=world.new_id("scheduled")
    )
    wish = None
    if one is not None:
        resource = schedule.resource
        wish = Wish(
            subscription=one,
            term=str(resource.get("termDuration") or ""),
            cycle=str(resource.get("billingCycle") or "").lower(),
            full_term=bool(resource.get("purchaseFullTerm")),
            quantity=resource.get("quantity"),
        )
    try:
        if wish is None:
            raise ApiError(404, 20003, "The subscription is gone.")
        made = start(world, partner, customer, wish, actor)
        world.processes.put(
            replace(schedule, status="Completed", resource={**schedule.resource, "migrationId": made.id})
        )
    except ApiError:
        world.processes.put(replace(schedule, status="Failed"))
        _tell(world, schedule, "new-commerce-migration-schedule-failed")
