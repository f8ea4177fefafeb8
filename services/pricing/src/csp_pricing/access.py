"""Who may change prices."""

from csp_runtime.problems import Problem
from csp_runtime.scope import Role, Scope

MAY_PRICE = frozenset({Role.RESELLER_ADMIN, Role.RESELLER_BILLING, Role.SERVICE})


def check_may_price(scope: Scope) -> None:
    """Raises a `Problem` of type `forbidden` for roles that may not change prices."""
    if not scope.roles & MAY_PRICE:
        raise Problem("forbidden", "Your role does not allow changes to prices")
