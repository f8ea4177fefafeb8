"""Where to go on from a row: addresses that follow from its ids, added to its JSON when it is read.

Written by hand: a list has hundreds of them, and each byte that the database sends costs more than making it here.
"""

from collections.abc import Callable

Links = Callable[..., str]
"""The JSON text of the links, of a surface's path and the ids that a screen names."""


def of_customer(surface: str, customer: str) -> str:
    """Of an organisation, which only the reseller's surface shows."""
    itself = f"{surface}/customers/{customer}"
    return (
        f'{{"self":"{itself}","tenants":"{itself}/tenants","settings":"{itself}/settings",'
        f'"price_list":"{surface}/price-lists/{customer}",'
        f'"subscriptions":"{surface}/subscriptions?filter[customer_id]={customer}",'
        f'"billing_reports":"{surface}/billing-reports?filter[customer_id]={customer}"}}'
    )


def of_tenant(surface: str, tenant: str, customer: str) -> str:
    """Of a tenant."""
    itself = f"{surface}/tenants/{tenant}"
    return (
        f'{{"self":"{itself}","customer":{_customer(surface, customer)},"users":"{itself}/users",'
        f'"subscriptions":"{surface}/subscriptions?filter[tenant_id]={tenant}"}}'
    )


def of_subscription(surface: str, subscription: str, tenant: str, customer: str) -> str:
    """Of a subscription, whose organisation may not be known yet."""
    itself = f"{surface}/subscriptions/{subscription}"
    return (
        f'{{"self":"{itself}","customer":{_customer(surface, customer)},"tenant":"{surface}/tenants/{tenant}",'
        f'"history":"{itself}/history","price_edits":"{itself}/price-edits"}}'
    )


def _customer(surface: str, customer: str) -> str:
    return f'"{surface}/customers/{customer}"' if customer and surface == "/v1" else "null"
