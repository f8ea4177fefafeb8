"""Acts of people outside the product: the Partner Center portal user, and the customer's own admin (PC 14.6)."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from msgspec.structs import replace

from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.commerce import (
    activity,
    changes,
    delegation,
    licensing,
    people,
    purchasing,
    tenants,
)
from csp_partner_center_simulator.commerce.checks import find, line_error
from csp_partner_center_simulator.partner_center.subscription_json import subscription_json
from csp_partner_center_simulator.partner_center.users import user_json
from csp_partner_center_simulator.state.customers import Address, Customer, User
from csp_partner_center_simulator.state.orders import CartLine
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import without_nulls
from csp_partner_center_simulator.wire.call import Actor, related_customer
from csp_partner_center_simulator.wire.errors import ApiError, invalid

PORTAL = "4990cffe-04e8-4e8b-808a-1175604b879f"  # the portal's application id in audit records (PC 1.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act: who, for which partner and customer, and its arguments."""

    world: World
    as_: Literal["portal_user", "customer_admin"]
    partner: Partner
    customer_id: str
    arguments: dict[str, Any]

    @property
    def actor(self) -> Actor:
        """The portal's user, as the audit log tells it."""
        return Actor(
            partner_id=self.partner.id,
            application_id=PORTAL,
            user_id=self.partner.user_id,
            user_principal_name=self.partner.user_principal_name,
            correlation_id=self.world.new_id("portal"),
        )

    @property
    def customer(self) -> Customer:
        """The customer acted on."""
        if not self.customer_id:
            raise invalid("customer_id is required for this action.")
        return related_customer(self.world, self.partner, self.customer_id)

    def text(self, name: str, default: str | None = None) -> str:
        """Give an argument as text."""
        value = self.arguments.get(name, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise invalid(f"{name} is required and must be a string.")
        return value

    def whole(self, name: str) -> int:
        """Give an argument as a whole number."""
        value = self.arguments.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"{name} is required and must be a whole number.")
        return value

    def subscription(self) -> Subscription:
        """Find the subscription acted on."""
        one = self.world.subscriptions.get(self.text("subscription_id"))
        if one is None or one.partner_id != self.partner.id:
            raise ApiError(404, 20003, "subscription_id names no subscription of this partner.")
        return one

    def user(self) -> User:
        """Find the user acted on."""
        return people.find(self.world, self.customer, self.text("user_id"))


def _create_customer(act: Act) -> dict[str, Any]:
    code = act.text("country", "US").upper()
    facts = find_country(code)
    if facts is None:
        raise invalid(f"country '{code}' is not known.")
    culture = facts.cultures[0]
    domain = act.text("domain").lower()
    if "." not in domain:
        domain += ".onmicrosoft.com"
    customer = tenants.create(
        act.world,
        act.partner,
        act.actor,
        company_name=act.text("company_name"),
        domain=domain,
        email=act.text("email", f"contact@{domain}"),
        culture=culture,
        language=culture.partition("-")[0],
        address=Address(country=code, city="Somewhere", address_line1="1 Main Street"),
    )
    return {"customer_id": customer.id, "domain": customer.domain}


def _accept_relationship(act: Act) -> dict[str, Any]:
    domain = act.text("domain").lower()
    if "." not in domain:
        domain += ".onmicrosoft.com"
    there = act.world.customers.by("domain", domain)
    customer = (
        there[0]
        if there
        else tenants.existing_tenant(
            act.world,
            company_name=act.text("company_name"),
            domain=domain,
            country=act.text("country", act.partner.country),
        )
    )
    customer = tenants.accept_relationship(act.world, act.partner, customer, act.actor)
    return {"customer_id": customer.id, "domain": customer.domain}


def _remove_relationship(act: Act) -> dict[str, Any]:
    tenants.remove_relationship(act.world, act.partner, act.customer, act.actor)
    return {"customer_id": act.customer_id}


def _buy(act: Act) -> dict[str, Any]:
    world, item_id = act.world, act.text("catalog_item_id")
    parts = item_id.split(":")
    if len(parts) == 2:  # the availability of today is meant
        item = world.catalogue.sku(*parts)
        if item is not None:
            current = world.catalogue.availability(
                item, world.now.date(), rotate=world.profile.rotate_availabilities
            )
            item_id = f"{item_id}:{current}"
    found = find(world, item_id)
    if found.item is None or found.error is not None:
        raise ApiError(
            404,
            found.error.code if found.error else 10001,
            found.error.description if found.error else "unknown item",
        )
    line = CartLine(
        number=0,
        catalog_item_id=item_id,
        quantity=act.whole("quantity"),
        billing_cycle=(act.text("billing_cycle", "") or found.item.plans[0][1]).lower(),
        term=(act.text("term", "") or found.item.terms[0]).upper() if found.item.commerce == "nce" else "",
        friendly_name=act.text("friendly_name", ""),
        parent_subscription_id=act.text("parent_subscription_id", ""),
    )
    error = line_error(world, act.customer, line, found.item, ())
    if error is not None:
        raise ApiError(400, error.code, error.description)
    order = purchasing.place(world, act.partner, act.customer, [line], act.actor)
    return {"order_id": order.id, "subscription_id": order.lines[0].subscription_id}


def _change(act: Act, **wishes: Any) -> dict[str, Any]:
    before = act.subscription()
    wish = changes.Wish(
        quantity=before.quantity,
        status=before.status,
        auto_renew=before.auto_renew,
        friendly_name=before.friendly_name,
        billing_cycle=before.billing_cycle,
        term=before.term,
        reseller_mpn=before.reseller_mpn,
        next_term=before.next_term,
        next_charge=before.next_charge,
    )
    after = changes.change(act.world, before, dataclasses.replace(wish, **wishes), act.actor)
    return {"subscription": without_nulls(subscription_json(act.world, after))}


def _change_quantity(act: Act) -> dict[str, Any]:
    return _change(act, quantity=act.whole("quantity"))


def _suspend(act: Act) -> dict[str, Any]:
    return _change(act, status="suspended")


def _reactivate(act: Act) -> dict[str, Any]:
    return _change(act, status="active")


def _cancel(act: Act) -> dict[str, Any]:
    return _change(act, status="deleted")


def _set_auto_renew(act: Act) -> dict[str, Any]:
    enabled = act.arguments.get("enabled")
    if not isinstance(enabled, bool):
        raise invalid("enabled is required and must be true or false.")
    return _change(act, auto_renew=enabled)


def _create_user(act: Act) -> dict[str, Any]:
    world, name = act.world, act.text("user_principal_name")
    shown = act.text("display_name")
    first, _, last = shown.partition(" ")
    user = User(
        id=world.new_id("user"),
        customer_id=act.customer.id,
        user_principal_name=name,
        display_name=shown,
        first_name=first,
        last_name=last,
        usage_location=act.text("usage_location", "").upper(),
        created_at=world.now,
        changed_at=world.now,
    )
    people.check_name(world, act.customer, name)
    people.check_usage_location(user.usage_location)
    return _user_done(act, people.save(world, user, "created"), "create_customer_user")


def _update_user(act: Act) -> dict[str, Any]:
    asked = act.arguments.get("changes")
    if not isinstance(asked, dict) or not asked:
        raise invalid("changes is required and must be an object of fields.")
    known = {
        "user_principal_name",
        "display_name",
        "first_name",
        "last_name",
        "usage_location",
        "phone_number",
        "job_title",
        "account_enabled",
    }
    camel = {
        "".join(part.capitalize() if n else part for n, part in enumerate(one.split("_"))): one
        for one in known
    }
    wished: dict[str, Any] = {camel.get(str(key), str(key)): value for key, value in asked.items()}
    if unknown := set(wished) - known:
        raise invalid(f"changes: {min(unknown)} is not one of {', '.join(sorted(known))}.")
    for name, value in wished.items():
        if not isinstance(value, bool if name == "account_enabled" else str):
            raise invalid(
                f"changes.{name} must be {'true or false' if name == 'account_enabled' else 'a string'}."
            )
    people.check_usage_location(str(wished.get("usage_location", "")))
    before = act.user()
    if "user_principal_name" in wished and wished["user_principal_name"] != before.user_principal_name:
        people.check_name(act.world, act.customer, str(wished["user_principal_name"]))
    return _user_done(
        act, people.save(act.world, replace(before, **wished), "updated"), "update_customer_user"
    )


def _delete_user(act: Act) -> dict[str, Any]:
    return _user_done(act, people.delete(act.world, act.user()), "delete_customer_user")


def _assign_license(act: Act) -> dict[str, Any]:
    sku = act.text("sku_id")
    user = licensing.update(act.world, act.customer, act.user(), assign=[(sku, ())], remove=[])
    return _user_done(act, user, "update_customer_user_licenses", ("AddedLicenseSkuId", sku))


def _remove_license(act: Act) -> dict[str, Any]:
    sku = act.text("sku_id")
    user = licensing.update(act.world, act.customer, act.user(), assign=[], remove=[sku])
    return _user_done(act, user, "update_customer_user_licenses", ("RemovedLicenseSkuId", sku))


def _user_done(act: Act, user: User, operation: str, *data: tuple[str, str]) -> dict[str, Any]:
    # What the customer's own admin does is not in the partner's activity log (PC 8).
    if act.as_ == "portal_user":
        kind = "license" if "license" in operation else "customer_user"
        activity.record(
            act.world,
            act.actor,
            act.customer,
            kind,
            operation,
            new=people.audit_copy(user),
            data=(("CustomerUserId", user.id), *data),
            partner_id=act.partner.id,
        )
    return {"user": without_nulls(user_json(user)), "licenses": [sku for sku, _ in user.licenses]}


def _change_gdap_roles(act: Act) -> dict[str, Any]:
    roles = act.arguments.get("roles")
    if not isinstance(roles, list) or not all(isinstance(one, str) for one in roles):
        raise invalid("roles is required and must be a list of role names.")
    tenants.change_gdap_roles(act.world, act.partner, act.customer, tuple(roles), act.actor)
    return {"customer_id": act.customer_id, "roles": roles}


def _approve_gdap(act: Act) -> dict[str, Any]:
    process = act.world.processes.get(act.text("relationship_id"))
    if process is None or process.kind != delegation.KIND or process.partner_id != act.partner.id:
        raise ApiError(404, 404, "relationship_id names no delegated admin relationship of this partner.")
    if process.status != "approvalPending":
        raise ApiError(409, 409, f"The relationship is {process.status}, not approvalPending.")
    delegation.approve(act.world, act.partner, act.customer, process, act.actor)
    return {"customer_id": act.customer_id, "relationship_id": process.id, "status": "active"}


def _sign_agreement(act: Act) -> dict[str, Any]:
    act.world.customers.put(replace(act.customer, directly_signed=True))
    return {"customer_id": act.customer_id, "directly_signed": True}


ACTIONS: dict[str, Callable[[Act], dict[str, Any]]] = {
    "create_customer": _create_customer,
    "accept_relationship": _accept_relationship,
    "remove_relationship": _remove_relationship,
    "buy": _buy,
    "change_quantity": _change_quantity,
    "suspend": _suspend,
    "reactivate": _reactivate,
    "cancel": _cancel,
    "set_auto_renew": _set_auto_renew,
    "create_user": _create_user,
    "update_user": _update_user,
    "delete_user": _delete_user,
    "assign_license": _assign_license,
    "remove_license": _remove_license,
    "change_gdap_roles": _change_gdap_roles,
    "approve_gdap": _approve_gdap,
    "sign_agreement": _sign_agreement,
}
# The customer's admin has no hand in the partner's commerce.
OF_CUSTOMER_ADMIN = frozenset(
    {"accept_relationship", "remove_relationship", "create_user", "update_user", "delete_user", "assign_license",
     "remove_license", "change_gdap_roles", "approve_gdap", "sign_agreement"}
)  # fmt: skip


def perform(act: Act, action: str) -> dict[str, Any]:
    """Do an act; raises ApiError naming what is wrong."""
    do = ACTIONS.get(action)
    if do is None:
        raise invalid(f"action must be one of {', '.join(ACTIONS)}.")
    if act.as_ == "customer_admin" and action not in OF_CUSTOMER_ADMIN:
        raise invalid(f"A customer_admin cannot {action}; a portal_user can.")
    with act.world.transaction():
        return do(act)
