"""Ids of this context's streams: each is made of the reseller and what it is about."""

from csp_contracts.ids import Kind, named_id


def price_list_id(reseller: str, customer_id: str | None) -> str:
    """The global list of a reseller, or a customer's."""
    return named_id(Kind.PRICE_LIST, reseller, customer_id or "global")


def cost_list_id(reseller: str) -> str:
    """The reseller's cost list."""
    return named_id(Kind.PRICE_LIST, reseller, "cost")


def price_stream(reseller: str, subscription_id: str) -> str:
    """The stream of a subscription's prices."""
    return named_id(Kind.SUBSCRIPTION_PRICE, reseller, subscription_id)
