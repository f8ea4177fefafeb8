"""License analytics: how many seats are sold, and how many of them are assigned.

The reference does not describe them; names and types are those of Microsoft's SDKs (PC 15.1, 15.5).
"""

from decimal import Decimal
from typing import Any

from csp_partner_center_simulator.commerce import licensing
from csp_partner_center_simulator.commerce.licensing import SkuCount
from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.router import Rights, Route

SERVICE, CODE, CHANNEL = "Office", "O365", "reseller"


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(100 * part) / whole).quantize(Decimal("0.01")) if whole else Decimal(0)


def _customers(call: Call) -> list[Customer]:
    if "customer" in call.params:
        return [call.customer]
    return call.world.customers.by("partner", call.partner.id)


def _totals(call: Call) -> tuple[int, int]:
    counts = [count for one in _customers(call) for count in licensing.counts(call.world, one)]
    return sum(count.total for count in counts), sum(count.consumed for count in counts)


def _common(call: Call) -> dict[str, Any]:
    return {"processedDateTime": instant(call.now), "serviceName": SERVICE, "channel": CHANNEL}


def deployment(call: Call) -> Answer:
    """Tell what share of the partner's seats is assigned."""
    sold, assigned = _totals(call)
    item = {
        "licensesSold": sold,
        "licensesDeployed": assigned,
        "proratedDeploymentPercent": _percent(assigned, sold),
        **_common(call),
        "attributes": attributes("PartnerLicensesDeploymentInsights"),
    }
    return Answer(body=collection([item] if sold else [], "/analytics/licenses/deployment"))


def usage(call: Call) -> Answer:
    """Tell what share of the partner's seats is used: here who has a license uses it."""
    sold, assigned = _totals(call)
    item = {
        "workloadName": SERVICE,
        "proratedLicensesUsagePercent": _percent(assigned, sold),
        **_common(call),
        "attributes": attributes("PartnerLicensesUsageInsights"),
    }
    return Answer(body=collection([item] if sold else [], "/analytics/licenses/usage"))


def _of_customer(call: Call, count: SkuCount) -> dict[str, Any]:
    return {
        "customerId": call.customer.id,
        "customerName": call.customer.company_name,
        "productName": count.name,
        "serviceCode": CODE,
        **_common(call),
    }


def customer_deployment(call: Call) -> Answer:
    """Tell per product what share of a customer's seats is assigned."""
    items = [
        {
            **_of_customer(call, count),
            "licensesSold": count.total,
            "licensesDeployed": count.consumed,
            "deploymentPercent": _percent(count.consumed, count.total),
            "attributes": attributes("CustomerLicensesDeploymentInsights"),
        }
        for count in licensing.counts(call.world, call.customer)
    ]
    return Answer(body=collection(items, f"/customers/{call.customer.id}/analytics/licenses/deployment"))


def customer_usage(call: Call) -> Answer:
    """Tell per product what share of a customer's seats is used."""
    items = [
        {
            **_of_customer(call, count),
            "workloadCode": CODE,
            "workloadName": SERVICE,
            "licensesActive": count.consumed,
            "licensesQualified": count.total,
            "usagePercent": _percent(count.consumed, count.total),
            "attributes": attributes("CustomerLicensesUsageInsights"),
        }
        for count in licensing.counts(call.world, call.customer)
    ]
    return Answer(body=collection(items, f"/customers/{call.customer.id}/analytics/licenses/usage"))


_USER = Rights(app_only=False)


def _route(prefix: str, operation: str, name: str, handler: Any) -> Route:
    return Route(
        method="GET",
        path=f"/v1{prefix}/analytics/licenses/{name}",
        operation=f"{operation}analytics.licenses.{name}.list",
        handler=handler,
        rights=_USER,
    )


ROUTES = (
    _route("", "", "deployment", deployment),
    _route("", "", "usage", usage),
    _route("/customers/{customer}", "customers.", "deployment", customer_deployment),
    _route("/customers/{customer}", "customers.", "usage", customer_usage),
)
