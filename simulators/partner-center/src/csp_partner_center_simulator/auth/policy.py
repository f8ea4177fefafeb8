"""Whether a caller may do an operation: token kind, MFA, partner roles, GDAP (PC 1.2)."""

from datetime import UTC, datetime

from csp_partner_center_simulator.state.partners import Laggard
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.call import Call, Caller
from csp_partner_center_simulator.wire.errors import ApiError, UnauthorizedError
from csp_partner_center_simulator.wire.router import Rights

APP_ONLY = {
    900316: "Partner token is not allowed in license management calls. Call with a token of app and user.",
    900329: "The resource does not support application-only authentication.",
}
MFA_ENFORCED = datetime(2026, 4, 1, tzinfo=UTC)


def mfa_required(world: World) -> bool:
    """Tell whether app+user tokens need the MFA claim now."""
    wish = world.profile.mfa_required
    return world.now >= MFA_ENFORCED if wish == "by_date" else wish


def note_mfa(world: World, caller: Caller) -> None:
    """Remember users who call without MFA, for `partnerRequests`."""
    if caller.is_user and not caller.mfa:
        world.laggards.put(
            Laggard(
                id=f"{caller.partner.id}/{caller.user_id}",
                partner_id=caller.partner.id,
                user_id=caller.user_id,
                user_principal_name=caller.user_principal_name,
                at=world.now,
            )
        )


def authorise(call: Call, rights: Rights) -> None:
    """Refuse what the caller may not do: 401 without MFA, 403 900329, 900150, 20002, 900308, 900416."""
    world, caller = call.world, call.caller
    if caller.is_user and not caller.mfa and mfa_required(world):
        raise UnauthorizedError(400, "The access token has no multi-factor authentication claim (amr: mfa).")
    if not caller.is_user and not rights.app_only:
        status, code = rights.app_only_refusal
        raise ApiError(status, code, APP_ONLY[code])
    if caller.is_user and not caller.roles & rights.roles:
        allowed = ", ".join(sorted(rights.roles))
        raise ApiError(403, 900150, f"The user has none of the roles this operation needs: {allowed}.")
    if "customer" not in call.params:
        return
    customer, relation = call.customer, call.relation
    if customer.locked and call.request.method not in {"GET", "HEAD"}:
        raise ApiError(403, 900416, "The customer is locked.")
    if rights.gdap:
        if world.now < customer.usable_at:
            raise ApiError(404, 60003, f"The customer tenant {customer.id} was not found.")
        if not rights.gdap & set(relation.gdap_roles):
            needed = ", ".join(sorted(rights.gdap))
            raise ApiError(
                403, 900308, f"Missing delegated privileges in the customer tenant; one of: {needed}."
            )
    if rights.commerce and world.now < customer.usable_at:
        raise ApiError(404, 20002, f"There is no commerce relationship with the customer {customer.id} yet.")
