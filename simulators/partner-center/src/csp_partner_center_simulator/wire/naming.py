"""Operations by the names of the reference's table (PC 17): some routes serve several of them."""

from csp_partner_center_simulator.wire.request import Request

# What tells the operations of one route apart: the grant of a token request, the filter of the customer list.
GRANTS = ("authorization_code", "client_credentials", "refresh_token")
REFINED = frozenset({*(f"auth.token.{grant}" for grant in GRANTS), "customers.list.filter"})


def name_of(operation: str, request: Request) -> str:
    """Give the table's name of what a request asks of a route; without a finer one that of the route."""
    if operation == "auth.token":
        grant = request.form().get("grant_type", "").lower()
        return f"auth.token.{grant}" if grant in GRANTS else operation
    if operation == "customers.list" and request.param("filter") is not None:
        return "customers.list.filter"
    return operation


def is_meant(wanted: str, name: str) -> bool:
    """Whether a name is that operation, or a finer one of it."""
    return name == wanted or (name in REFINED and name.startswith(f"{wanted}."))
