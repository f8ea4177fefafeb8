"""Which acts there are, who may do them, and the doing (PC 14.6)."""

from collections.abc import Callable
from typing import Any

from csp_partner_center_simulator.control.act import Act
from csp_partner_center_simulator.control.acts_of_commerce import (
    buy,
    cancel,
    change_quantity,
    reactivate,
    set_auto_renew,
    suspend,
)
from csp_partner_center_simulator.control.acts_of_people import (
    assign_license,
    create_user,
    delete_user,
    remove_license,
    update_user,
)
from csp_partner_center_simulator.control.acts_of_relations import (
    accept_relationship,
    approve_gdap,
    change_gdap_roles,
    create_customer,
    remove_relationship,
    sign_agreement,
)
from csp_partner_center_simulator.wire.errors import invalid

ACTIONS: dict[str, Callable[[Act], dict[str, Any]]] = {
    "create_customer": create_customer,
    "accept_relationship": accept_relationship,
    "remove_relationship": remove_relationship,
    "buy": buy,
    "change_quantity": change_quantity,
    "suspend": suspend,
    "reactivate": reactivate,
    "cancel": cancel,
    "set_auto_renew": set_auto_renew,
    "create_user": create_user,
    "update_user": update_user,
    "delete_user": delete_user,
    "assign_license": assign_license,
    "remove_license": remove_license,
    "change_gdap_roles": change_gdap_roles,
    "approve_gdap": approve_gdap,
    "sign_agreement": sign_agreement,
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
