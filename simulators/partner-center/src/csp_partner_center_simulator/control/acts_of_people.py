"""The customer's users and their licences, changed by the portal user or the customer's own admin (PC 14.6)."""

from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity, licensing, people
from csp_partner_center_simulator.control.act import Act
from csp_partner_center_simulator.partner_center.users import user_json
from csp_partner_center_simulator.state.customers import User
from csp_partner_center_simulator.wire.answer import without_nulls
from csp_partner_center_simulator.wire.errors import invalid


def create_user(act: Act) -> dict[str, Any]:
    """Create a user."""
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


def update_user(act: Act) -> dict[str, Any]:
    """Change fields of a user, named in either casing."""
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


def delete_user(act: Act) -> dict[str, Any]:
    """Delete a user."""
    return _user_done(act, people.delete(act.world, act.user()), "delete_customer_user")


def assign_license(act: Act) -> dict[str, Any]:
    """Give a user a licence."""
    sku = act.text("sku_id")
    user = licensing.update(act.world, act.customer, act.user(), assign=[(sku, ())], remove=[])
    return _user_done(act, user, "update_customer_user_licenses", ("AddedLicenseSkuId", sku))


def remove_license(act: Act) -> dict[str, Any]:
    """Take a licence from a user."""
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
    told = {"user_id": user.id, "user": without_nulls(user_json(user))}
    return {**told, "licenses": [sku for sku, _ in user.licenses]}
