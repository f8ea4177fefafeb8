"""Which function does which task of the agenda."""

from msgspec.structs import replace

from csp_partner_center_simulator.billing import invoicing
from csp_partner_center_simulator.commerce import delegation, migrating, people, purchasing, renewal
from csp_partner_center_simulator.graph import billing, lifecycle, notifications
from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.world import World


def register(world: World) -> None:
    """Tell the world who does its tasks."""
    world.on_user_change = [notifications.user_changed]
    world.on_relation_end = [lifecycle.relation_ended]
    world.handlers |= {
        "order.provisioned": purchasing.provisioned,
        "subscription.visible": _visible,
        "subscription.rollback": _rolled_back,
        "subscription.due": renewal.due,
        "subscription.renewed": renewal.renewed,
        "invoice.legacy": invoicing.legacy_due,
        "invoice.nce": invoicing.nce_due,
        "export.step": billing.step,
        "graph.reauthorize": lifecycle.due,
        "migration.step": migrating.step,
        "migration.scheduled": migrating.scheduled,
        "gdap.expired": delegation.expired,
        "user.purge": people.purged,
        "cart.expired": _cart_expired,
        "customer.qualified": _qualified,
        "audit.listed": _nothing,
        "customer.usable": _nothing,
    }


def _nothing(world: World, task: Task) -> None:
    """The passing of time is all that happens."""


def _visible(world: World, task: Task) -> None:
    world.shadows.remove(task.ref)


def _rolled_back(world: World, task: Task) -> None:
    shadow, one = world.shadows.get(f"rollback/{task.ref}"), world.subscriptions.get(task.ref)
    if shadow is not None and one is not None:
        world.subscriptions.put(replace(shadow.before, version=one.version + 1, updates=one.updates))
    world.shadows.remove(f"rollback/{task.ref}")


def _cart_expired(world: World, task: Task) -> None:
    world.carts.remove(task.ref)


def _qualified(world: World, task: Task) -> None:
    customer = world.customers.get(task.customer_id)
    if customer is not None:
        approved = tuple(
            replace(one, vetting_status="Approved") if one.vetting_status == "InReview" else one
            for one in customer.qualifications
        )
        world.customers.put(replace(customer, qualifications=approved))
