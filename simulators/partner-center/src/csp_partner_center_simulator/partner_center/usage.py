"""Azure usage and its budget: nothing that is metered is sold here, so all usage is none (PC 3.5, 8, 9.3).

Names and types are those of Microsoft's SDKs (PC 15.1, 15.5).
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.commerce import activity
from csp_partner_center_simulator.partner_center.subscriptions import find
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, day, instant, link
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import invalid
from csp_partner_center_simulator.wire.router import ADMINS, Rights, Route


def _summary(call: Call, kind: str, identifier: str, name: str, uri: str, **more: Any) -> Answer:
    first = call.now.date().replace(day=1)
    return Answer(
        body={
            "resourceId": identifier,
            "resourceName": name,
            "billingStartDate": day(first),
            "billingEndDate": day(terms.add_months(first, 1) - timedelta(days=1)),
            "totalCost": Decimal(0),
            "currencyLocale": "en-US",
            "currencyCode": call.partner.currency,
            "lastModifiedDate": instant(call.now),
            **more,
            "links": {"self": link(uri)},
            "attributes": attributes(kind),
        }
    )


def partner_summary(call: Call) -> Answer:
    """Sum up the usage of all customers."""
    partner = call.partner
    return _summary(
        call, "PartnerUsageSummary", partner.id, partner.name, "/usagesummary",
        emailsToNotify=[partner.user_principal_name], customersOverBudget=0, customersTrendingOver=0,
        customersWithUsageBasedSubscription=0,
    )  # fmt: skip


def customer_summary(call: Call) -> Answer:
    """Sum up the usage of a customer, with its budget."""
    customer = call.customer
    return _summary(
        call, "CustomerUsageSummary", customer.id, customer.company_name, f"/customers/{customer.id}/usagesummary",
        budget=_budget_json(call),
    )  # fmt: skip


def subscription_summary(call: Call) -> Answer:
    """Sum up the usage of a subscription."""
    one = find(call)
    uri = f"/customers/{one.customer_id}/subscriptions/{one.id}/usagesummary"
    return _summary(call, "SubscriptionUsageSummary", one.id, one.friendly_name, uri)


def no_records(call: Call) -> Answer:
    """List usage records: none."""
    if "subscription" in call.params:
        find(call)
    return Answer(body=collection([], call.request.path.removeprefix("/v1")))


def _budget_json(call: Call) -> dict[str, Any]:
    return {"amount": call.customer.spending_budget, "attributes": attributes("SpendingBudget")}


def budget(call: Call) -> Answer:
    """Read the monthly budget a partner has set for a customer's usage; without one it has no amount."""
    return Answer(body=_budget_json(call))


def set_budget(call: Call) -> Answer:
    """Set or remove the budget."""
    amount = call.request.object().get("amount")
    if amount is not None and (isinstance(amount, bool) or not isinstance(amount, int | float) or amount < 0):
        raise invalid("amount must be a number of at least 0.", code=3000)
    wish = None if amount is None else Decimal(str(amount))
    customer = call.world.customers.put(replace(call.customer, spending_budget=wish))
    data = (("SpendingBudget", "" if wish is None else str(wish)),)
    activity.record(
        call.world, call.actor, customer, "customer", "update_customer_spending_budget", data=data
    )
    return Answer(body=_budget_json(call))


_USER, _SET = Rights(app_only=False), Rights(app_only=False, roles=ADMINS)
_C = "/v1/customers/{customer}"
_S = f"{_C}/subscriptions/{{subscription}}"


def _get(path: str, operation: str, handler: Any) -> Route:
    return Route(method="GET", path=path, operation=operation, handler=handler, rights=_USER)


ROUTES = (
    _get("/v1/usagesummary", "usagesummary.get", partner_summary),
    _get("/v1/customers/usagerecords", "customers.usagerecords.list", no_records),
    _get(f"{_C}/usagesummary", "customers.usagesummary.get", customer_summary),
    _get(f"{_C}/usagebudget", "customers.usagebudget.get", budget),
    Route(
        method="PATCH",
        path=f"{_C}/usagebudget",
        operation="customers.usagebudget.update",
        handler=set_budget,
        rights=_SET,
    ),
    _get(f"{_C}/subscriptions/usagerecords", "customers.subscriptions.usagerecords.list", no_records),
    _get(f"{_S}/usagesummary", "customers.subscriptions.usagesummary.get", subscription_summary),
    *(
        _get(f"{_S}/{name}", f"customers.subscriptions.{name.replace('/', '.')}.list", no_records)
        for name in (
            "azureEntitlements",
            "resourceusagerecords",
            "meterusagerecords",
            "usagerecords/daily",
            "usagerecords/resources",
            "utilizations/azure",
        )
    ),
)
