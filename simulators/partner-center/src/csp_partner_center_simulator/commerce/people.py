"""Users of a customer's directory: made, changed, deleted, restored, purged (PC 7)."""

import re
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.state.customers import Customer, User
from csp_partner_center_simulator.state.directory import Note
from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.errors import ApiError, invalid

KEPT = timedelta(days=30)  # a deleted user can be restored for that long
GLOBAL_ADMINISTRATOR = "Global Administrator"
DIRECTORY_ROLES = (
    GLOBAL_ADMINISTRATOR,
    "Global Reader",
    "User Administrator",
    "Helpdesk Administrator",
    "License Administrator",
    "Billing Administrator",
    "Directory Readers",
    "Directory Writers",
    "Exchange Administrator",
    "SharePoint Administrator",
    "Teams Administrator",
    "Service Support Administrator",
    "Privileged Role Administrator",
    "Privileged Authentication Administrator",
)
BANNED = frozenset(
    {"password", "passw0rd", "password1", "password1!", "p@ssw0rd", "welcome1!", "microsoft1!"}
)
UPN = re.compile(r"[A-Za-z0-9.'_\-!#^~]{1,64}@[A-Za-z0-9.\-]{1,113}")


def add_administrator(world: World, customer: Customer) -> User:
    """Make the tenant's first user; it lacks a usage location (PC 7.2)."""
    return save(
        world,
        User(
            id=world.new_id("user"),
            customer_id=customer.id,
            user_principal_name=f"admin@{customer.domain}",
            display_name=customer.company_name,
            first_name=customer.billing.first_name,
            last_name=customer.billing.last_name,
            created_at=world.now,
            changed_at=world.now,
            force_change_password=True,
            roles=(GLOBAL_ADMINISTRATOR,),
        ),
        "created",
    )


def find(world: World, customer: Customer, user_id: str) -> User:
    """Find a user of the tenant by id or name, deleted ones too; 404 60002 when there is none."""
    user = world.users.get(user_id) or next(iter(world.users.by("name", user_id)), None)
    if user is None or user.customer_id != customer.id or user.purged_at is not None:
        raise ApiError(404, 60002, f"The user {user_id[:64]} was not found.")
    return user


def create(world: World, customer: Customer, user: User, password: str) -> User:
    """Make a user. Raises 400 for a name outside the tenant's domains or a weak password, 409 for a taken name."""
    check_name(world, customer, user.user_principal_name)
    check_usage_location(user.usage_location)
    check_password(password, user)
    return save(world, user, "created")


def check_name(world: World, customer: Customer, name: str) -> None:
    """Refuse a sign-in name that is malformed, of a foreign domain, or taken."""
    if not UPN.fullmatch(name):
        raise invalid(f"userPrincipalName '{name[:80]}' is not a valid sign-in name.", code=3000)
    if name.partition("@")[2].lower() not in {domain.lower() for domain in customer.domains}:
        raise invalid(
            f"userPrincipalName must end in a verified domain of the tenant: {', '.join(customer.domains)}.",
            code=3000,
        )
    if world.users.by("name", name):
        raise ApiError(409, 600005, f"Another user has the userPrincipalName {name}.")


def check_usage_location(location: str) -> None:
    """Refuse a usage location that is no ISO 3166 alpha-2 code; empty is allowed."""
    if location and not re.fullmatch(r"[A-Za-z]{2}", location):
        raise invalid(f"usageLocation '{location[:20]}' is not an ISO 3166 alpha-2 country code.", code=3000)


def check_password(password: str, user: User) -> None:
    """Refuse a weak password: 8 to 256 characters, three of four classes, no name part, not banned (PC 7.3)."""
    classes = sum(
        bool(re.search(pattern, password)) for pattern in (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z0-9]")
    )
    account = user.user_principal_name.partition("@")[0].lower()
    parts = [part for part in (account, user.first_name.lower(), user.last_name.lower()) if len(part) > 3]
    if (
        not 8 <= len(password) <= 256
        or classes < 3
        or password.lower() in BANNED
        or any(part in password.lower() for part in parts)
    ):
        raise invalid(
            "passwordProfile.password does not comply with the tenant's rules: 8 to 256 characters, three of lower case, "
            "upper case, digits and symbols, no part of the name, not a common password.",
            code=60010,
        )


def save(world: World, user: User, kind: str) -> User:
    """Store a changed user and note the change for Graph delta and its notifications."""
    number = world.next_number()
    user = world.users.put(replace(user, changed_at=world.now, change=number))
    for note in [one for one in world.notes.by("customer", user.customer_id) if one.user_id == user.id]:
        world.notes.remove(note.id)
    world.notes.put(
        Note(
            id=f"{user.id}/{number}",
            customer_id=user.customer_id,
            user_id=user.id,
            number=number,
            kind=kind,
            at=world.now,
            listed_at=world.now + world.delay("delta", 1, 60),
        )
    )
    for tell in world.on_user_change:
        tell(world, user, kind)
    return user


def delete(world: World, user: User) -> User:
    """Move a user to the deleted items: the licenses are freed, 30 days later it is purged (PC 7.2)."""
    if not user.active:
        raise ApiError(404, 60002, f"The user {user.id} was not found.")
    user = save(world, replace(user, deleted_at=world.now, licenses=()), "deleted")
    world.later(world.now + KEPT, "user.purge", ref=user.id, customer_id=user.customer_id, at_once=False)
    return user


def restore(world: World, user: User) -> User:
    """Bring a deleted user back under the same name, without licenses; 409 when the name is taken meanwhile."""
    if user.active:
        return user
    if world.users.by("name", user.user_principal_name):
        raise ApiError(409, 600005, f"Another user has the userPrincipalName {user.user_principal_name} now.")
    world.agenda.remove(f"user.purge/{user.id}")
    return save(world, replace(user, deleted_at=None), "updated")


def purged(world: World, task: Task) -> None:
    """Purge a user for good (agenda: `user.purge`)."""
    user = world.users.get(task.ref)
    if user is not None and user.deleted_at is not None and user.purged_at is None:
        save(world, replace(user, purged_at=world.now), "purged")


def listed(world: World, customer: Customer, *, deleted: bool = False) -> list[User]:
    """List the active or the deleted users; a fresh one may lag behind (PC 14.3)."""
    fresh = {
        note.user_id
        for note in world.notes.by("customer", customer.id)
        if note.kind == "created" and note.listed_at > world.now
    }
    return [
        user
        for user in world.users.by("customer", customer.id)
        if user.purged_at is None and user.active is not deleted and user.id not in fresh
    ]


def audit_copy(user: User) -> dict[str, Any]:
    """Give the copy of a user that the audit log keeps; no password."""
    return {
        "id": user.id,
        "userPrincipalName": user.user_principal_name,
        "displayName": user.display_name,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "usageLocation": user.usage_location or None,
        "passwordProfile": {"password": "", "forceChangePassword": user.force_change_password},
        "state": "active" if user.active else "inactive",
        "attributes": {"objectType": "CustomerUser"},
    }
