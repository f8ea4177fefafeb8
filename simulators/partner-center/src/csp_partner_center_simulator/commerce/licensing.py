"""Directory SKUs of a tenant and their assignment to users (PC 7.6 to 7.8)."""

import uuid
from dataclasses import dataclass, field

from msgspec.structs import replace

from csp_partner_center_simulator.catalogue.catalogue import SKU_NAMESPACE
from csp_partner_center_simulator.commerce import people
from csp_partner_center_simulator.state.customers import Customer, User
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.errors import ApiError, invalid

MINECRAFT = "group2"


@dataclass(slots=True, kw_only=True)
class SkuCount:
    """What the directory holds of one SKU, over all subscriptions of the tenant; units are seats."""

    sku_id: str
    part_number: str
    name: str
    group: str = "group1"
    active: int = 0
    warning: int = 0
    suspended: int = 0
    consumed: int = 0
    subscription_ids: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Active and warning units."""
        return self.active + self.warning

    @property
    def capability(self) -> str:
        """Enabled, Warning or Suspended, by the best units there are."""
        if self.active:
            return "Enabled"
        return "Warning" if self.warning else "Suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A service plan inside a SKU."""

    id: str
    name: str
    display_name: str


def plans_of(part_number: str, name: str) -> tuple[Plan, ...]:
    """Give the service plans of a SKU; made up and stable, for no public table lists them all."""
    stem = part_number[:40]
    made = [(f"{stem}_CORE", f"{name} core services"), (f"{stem}_APPS", f"{name} applications")]
    return tuple(
        Plan(id=str(uuid.uuid5(SKU_NAMESPACE, f"plan/{plan}")), name=plan, display_name=shown)
        for plan, shown in made
    )


def counts(world: World, customer: Customer) -> list[SkuCount]:
    """Count the tenant's SKUs; totals may lag behind a change (PC 14.3)."""
    found: dict[str, SkuCount] = {}
    for one in world.subscriptions.by("customer", customer.id):
        shadow = world.shadows.get(f"directory/{one.id}")
        seen = shadow.before if shadow is not None and shadow.until > world.now else one
        if seen.status in {"deleted", "pending"}:
            continue
        item = world.catalogue.by_directory_sku(seen.directory_sku_id)
        count = found.setdefault(
            seen.directory_sku_id,
            SkuCount(
                sku_id=seen.directory_sku_id,
                part_number=item.part_number if item else "UNKNOWN",
                name=item.title if item else seen.offer_name,
                group=MINECRAFT if item is not None and "minecraft" in item.title.lower() else "group1",
            ),
        )
        count.subscription_ids.append(seen.id)
        if seen.status == "active":
            count.active += seen.quantity
        elif seen.status == "expired":
            count.warning += seen.quantity
        else:
            count.suspended += seen.quantity
    for user in world.users.by("customer", customer.id):
        for sku_id, _ in user.licenses:
            if sku_id in found:
                found[sku_id].consumed += 1
    return list(found.values())


def update(
    world: World,
    customer: Customer,
    user: User,
    *,
    assign: list[tuple[str, tuple[str, ...]]],
    remove: list[str],
) -> User:
    """Assign and remove licenses in one step; a swap frees no seat in between.

    Raises 400 without a usage location, 400 60012 when none is left, 404 for a SKU the tenant does not have.
    """
    if assign and not user.usage_location:
        raise invalid("The user has no usageLocation; set it before assigning a license.", code=60013)
    have = dict(user.licenses)
    there = {count.sku_id: count for count in counts(world, customer)}
    for sku_id in remove:
        have.pop(sku_id.lower(), None)
    for wished, disabled in assign:
        sku_id = wished.lower()
        count = there.get(sku_id)
        if count is None:
            raise ApiError(
                400, 60012, f"The subscription for SKU {sku_id} was not found in the tenant.",
                data=("LicenseQuotaExceededException : no subscription for this SKU.",),
            )  # fmt: skip
        if sku_id not in dict(user.licenses) and count.consumed >= count.total:
            raise ApiError(
                400, 60012, f"No license of {count.part_number} is left.",
                data=(f"LicenseQuotaExceededException : all {count.total} licenses of {count.part_number} are used.",),
            )  # fmt: skip
        known = {plan.id for plan in plans_of(count.part_number, count.name)}
        if unknown := [plan for plan in disabled if plan.lower() not in known]:
            raise invalid(
                f"The service plan {unknown[0][:64]} is no part of {count.part_number}.", code=60014
            )
        have[sku_id] = tuple(plan.lower() for plan in disabled)
    groups = {there[wished.lower()].group for wished, _ in assign}
    if len(groups) > 1:
        raise invalid("A request may update licenses of one license group only.", code=60015)
    licenses = tuple(have.items())
    if licenses == user.licenses:
        return user
    return people.save(world, replace(user, licenses=licenses), "updated")
