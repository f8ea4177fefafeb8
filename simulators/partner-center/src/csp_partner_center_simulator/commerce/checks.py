"""Whether a line can be bought: catalogue, plan, seats, prerequisites, segment, end date (PC 4.2, 4.5, 5.1)."""

from dataclasses import dataclass
from datetime import date, datetime

from csp_partner_center_simulator.catalogue.catalogue import Item
from csp_partner_center_simulator.commerce import promotions
from csp_partner_center_simulator.commerce.coterm import end_date_problem
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.orders import CartLine, LineError
from csp_partner_center_simulator.state.world import World

QUALIFIED_FOR = {"education": "education", "nonprofit": "nonprofit", "government": "governmentcommunitycloud"}
SANDBOX_SUBSCRIPTIONS, SANDBOX_SEATS = 5, 25
MOST_RESELLERS = 5  # additional ones on a line (PC 5.1)
CONCURRENT = 2  # small-business offers: that many subscriptions of one legacy offer at a time (PC 4.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The item of a line, or why there is none."""

    item: Item | None = None
    availability_id: str = ""
    error: LineError | None = None


def find(world: World, catalog_item_id: str) -> Found:
    """Read a catalogue item id: `product:sku:availability`, or the GUID of a legacy offer."""
    parts = catalog_item_id.split(":")
    if len(parts) == 1:
        item = world.catalogue.offer(catalog_item_id)
        return Found(
            item=item, error=None if item else _error(10001, f"The offer {catalog_item_id} does not exist.")
        )
    item = world.catalogue.sku(parts[0], parts[1])
    if item is None or len(parts) != 3:
        return Found(error=_error(10001, f"The catalog item {catalog_item_id} does not exist."))
    current = world.catalogue.availability(item, world.now.date(), rotate=world.profile.rotate_availabilities)
    if parts[2].upper() != current:
        return Found(
            item=item, error=_error(400019, f"The availability {parts[2]} of {item.key} was not found.")
        )
    return Found(item=item, availability_id=current)


def seats_in_tenant(world: World, customer_id: str, key: str, *, but: str = "") -> int:
    """Count the seats of a SKU in the tenant, over all partners and subscriptions (PC 4.2)."""
    return sum(
        one.quantity
        for one in world.subscriptions.by("customer", customer_id)
        if one.commerce == "nce"
        and f"{one.product_id}:{one.sku_id}" == key
        and one.status in {"active", "pending", "suspended"}
        and one.id != but
    )


def line_error(
    world: World, customer: Customer, line: CartLine, item: Item, others: tuple[str, ...], *, asked: int = 0
) -> LineError | None:
    """Give the reason why a line cannot be bought, None when it can.

    `others`: items bought in the same cart; `asked`: seats of this item that lines before it ask for.
    """
    return (
        _sandbox(world, customer, line)
        or _market(world, customer, item)
        or _plan(line, item)
        or _quantity(world, customer, line, item, asked)
        or _prerequisites(world, customer, line, item, others)
        or _end_date(world, customer, line, item)
        or _participants(line)
        or _promotion(world, line, item)
    )


def _sandbox(world: World, customer: Customer, line: CartLine) -> LineError | None:
    """Refuse what an integration sandbox has no room for (PC 3.4)."""
    if not world.profile.integration_sandbox:
        return None
    if line.quantity > SANDBOX_SEATS:
        return _error(10009, f"A subscription of an integration sandbox can have {SANDBOX_SEATS} licenses.")
    held = sum(one.status != "deleted" for one in world.subscriptions.by("customer", customer.id))
    if held >= SANDBOX_SUBSCRIPTIONS:
        return _error(
            10009, f"A customer of an integration sandbox can have {SANDBOX_SUBSCRIPTIONS} subscriptions."
        )
    return None


def _market(world: World, customer: Customer, item: Item) -> LineError | None:
    if item.commerce == "legacy" and not world.profile.legacy_sales:
        return _error(400072, f"The offer {item.title} is no longer sold.")
    wanted = QUALIFIED_FOR.get(item.segment)
    have = {one.qualification.lower() for one in customer.qualifications if one.vetting_status != "InReview"}
    if wanted and wanted not in have:
        return _error(400072, f"{item.title} is sold to {item.segment} customers only.")
    return None


def _participants(line: CartLine) -> LineError | None:
    more = sum(key.lower() == "additional_transaction_reseller" for key, _ in line.participants)
    if more > MOST_RESELLERS:
        return _error(10004, f"A line can name {MOST_RESELLERS} additional resellers, got {more}.")
    return None


def _promotion(world: World, line: CartLine, item: Item) -> LineError | None:
    if not line.promotion_id or item.commerce == "legacy":
        return None
    fits = promotions.applicable(
        world.catalogue,
        item,
        term=line.term,
        cycle=line.billing_cycle,
        quantity=line.quantity,
        day=world.now.date(),
        wished=line.promotion_id,
    )
    if fits is None:
        return _error(10010, f"The promotion {line.promotion_id[:60]} does not apply to this line.")
    return None


def _plan(line: CartLine, item: Item) -> LineError | None:
    if item.commerce == "legacy":
        if line.billing_cycle not in item.billing_cycles:
            return _error(10010, f"billingCycle must be one of {', '.join(item.billing_cycles)}.")
        return None
    if (line.term, line.billing_cycle) not in item.plans:
        plans = ", ".join(f"{term}/{cycle}" for term, cycle in item.plans)
        return _error(10010, f"termDuration and billingCycle must be one of {plans}.")
    return None


def _quantity(world: World, customer: Customer, line: CartLine, item: Item, asked: int) -> LineError | None:
    purchased = asked + (seats_in_tenant(world, customer.id, item.key) if item.commerce == "nce" else 0)
    details = {"availableQuantity": max(0, item.maximum - purchased), "purchasedQuantity": purchased}
    if not item.minimum <= line.quantity <= item.maximum:
        text = f"quantity must be between {item.minimum} and {item.maximum}."
        if line.quantity < item.minimum:
            return _error(10010, text)
        return LineError(code=10015, description=text, details=details)
    if item.commerce == "legacy":
        held = [
            one
            for one in world.subscriptions.by("customer", customer.id)
            if one.offer_id.lower() == item.key.lower()
            and (item.is_trial or one.status in {"active", "suspended"})
        ]
        limit = 1 if item.is_trial else CONCURRENT if item.maximum <= 300 and not item.is_addon else None
        if limit is not None and len(held) >= limit:
            return _error(27006, f"The offer {item.title} can be used {limit} times.")
        return None
    if purchased + line.quantity > item.maximum:
        return LineError(
            code=10015,
            description=f"At most {item.maximum} seats of {item.title} per tenant.",
            details=details,
        )
    return None


def _prerequisites(
    world: World, customer: Customer, line: CartLine, item: Item, others: tuple[str, ...]
) -> LineError | None:
    if not item.is_addon or line.parent_subscription_id:
        return None
    wanted = {base.lower() for base in item.prerequisites}
    held = {
        (f"{one.product_id}:{one.sku_id}" if one.commerce == "nce" else one.offer_id).lower()
        for one in world.subscriptions.by("customer", customer.id)
        if one.status in {"active", "pending", "suspended"}
    }
    if wanted & (held | {other.lower() for other in others}):
        return None
    return _error(400041, f"{item.title} needs a base product that the tenant does not have.")


def _end_date(world: World, customer: Customer, line: CartLine, item: Item) -> LineError | None:
    if line.custom_term_end_date is None:
        return None
    problem = end_date_problem(
        world,
        customer,
        line.custom_term_end_date,
        term=line.term,
        start=world.now.date(),
        trial=item.is_trial,
    )
    return _error(900242, problem) if problem else None


def _error(code: int, description: str) -> LineError:
    return LineError(code=code, description=description)


def wished_day(at: datetime) -> date:
    """Give the day of a wished end date; a time of day is ignored."""
    return at.date()
