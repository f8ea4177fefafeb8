"""The activity log (PC 8)."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from csp_partner_center_simulator.state.logs import AuditRecord
from csp_partner_center_simulator.state.partners import Laggard
from csp_partner_center_simulator.wire.answer import Answer, attributes, collection, instant, instant_of_ticks
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import ApiError, invalid
from csp_partner_center_simulator.wire.filters import predicate
from csp_partner_center_simulator.wire.paging import by_seek
from csp_partner_center_simulator.wire.router import Route

USUAL = timedelta(days=30)
OLDEST = timedelta(days=90)
# What a client of 2020 can read: one value that it does not know makes a whole page unreadable (PC 15.4).
OPERATIONS_OF_2020 = frozenset(
    {
        "update_customer_qualification", "update_subscription", "upgrade_subscription", "convert_trial_subscription",
        "add_customer", "update_customer_billing_profile", "delete_customer", "create_order", "update_order",
        "create_customer_user", "delete_customer_user", "update_customer_user", "update_customer_user_licenses",
        "reset_customer_user_password", "update_customer_user_principal_name", "restore_customer_user",
        "create_mpn_association", "update_mpn_association", "update_transfer",
    }
)  # fmt: skip
RESOURCES_OF_2020 = frozenset(
    {"customer", "customer_user", "order", "subscription", "license", "mpn_association", "transfer"}
)
FILTERS: dict[str, Callable[[AuditRecord], str]] = {
    "CompanyName": lambda record: record.customer_name,
    "CustomerId": lambda record: record.customer_id,
    "ResourceType": lambda record: record.resource_type,
}
US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:\s.*)?")


def record_json(record: AuditRecord) -> dict[str, Any]:
    """Write a record."""
    return {
        "id": record.id,
        "partnerId": record.partner_id,
        "customerId": record.customer_id or None,
        "customerName": record.customer_name or None,
        "userPrincipalName": record.user_principal_name or None,
        "applicationId": record.application_id or None,
        "resourceType": record.resource_type,
        "resourceOldValue": record.old_value,
        "resourceNewValue": record.new_value,
        "operationType": record.operation_type,
        "originalCorrelationId": record.correlation_id or None,
        "operationDate": instant_of_ticks(record.at, record.ticks),
        "operationStatus": record.status,
        "customizedData": [{"key": key, "value": value or None} for key, value in record.customized_data],
        "attributes": attributes("AuditRecord"),
    }


def _day(text: str | None, name: str, default: date) -> date:
    """Read a day in ISO or US form; 400 for anything else, not 500."""
    if text is None:
        return default
    us = US_DATE.fullmatch(text.strip())
    try:
        if us is not None:
            return date(int(us[3]), int(us[1]), int(us[2]))
        return datetime.fromisoformat(text.strip()).date()
    except ValueError:
        raise invalid(f"{name} must be a date (yyyy-mm-dd or m/d/yyyy), got '{text[:40]}'.") from None


def list_records(call: Call) -> Answer:
    """List the partner's records of some days, newest knowledge last (PC 8)."""
    request, today = call.request, call.now.date()
    start = _day(request.param("startDate"), "startDate", today - USUAL)
    end = _day(request.param("endDate"), "endDate", today)
    if "seekoperation" not in request.query:
        if start < today - OLDEST:
            raise invalid("startDate must not be older than 90 days.")
        if end < start:
            raise invalid("endDate must not be before startDate.")
    wishes = {"start": start.isoformat(), "end": end.isoformat(), "filter": request.param("filter")}

    def select(chosen: dict[str, Any]) -> list[AuditRecord]:
        return _select(call, chosen)

    return Answer(
        body=by_seek(
            request,
            "auditrecords",
            "/auditrecords",
            select,
            record_json,
            default=500,
            most=500,
            wishes=wishes,
        )
    )


def _select(call: Call, wishes: dict[str, Any]) -> list[AuditRecord]:
    if not call.world.channels.audit:
        return []
    first = datetime.combine(date.fromisoformat(wishes["start"]), time(), UTC)
    past = datetime.combine(date.fromisoformat(wishes["end"]), time(), UTC) + timedelta(days=1)
    test = predicate(wishes.get("filter"), FILTERS, enums=frozenset({"ResourceType"}))
    return [
        record
        for record in call.world.audit.by("partner", call.partner.id)
        if first <= record.at < past
        and record.listed_at <= call.now
        and test(record)
        and _readable(call, record)
    ]


def _readable(call: Call, record: AuditRecord) -> bool:
    return not call.world.profile.closed_enums or (
        record.operation_type in OPERATIONS_OF_2020 and record.resource_type in RESOURCES_OF_2020
    )


def get_record(call: Call) -> Answer:
    """Read one record, as a webhook's `AuditUri` names it."""
    record = call.world.audit.get(call.params["record"])
    if record is None or record.partner_id != call.partner.id or record.listed_at > call.now:
        raise ApiError(404, 1000, "The audit record was not found.")
    return Answer(body=record_json(record))


def partner_requests(call: Call) -> Answer:
    """List users and their last call without MFA (PC 1.2)."""

    def laggard_json(one: Laggard) -> dict[str, Any]:
        return {
            "objectId": one.user_id,
            "tenantId": one.partner_id,
            "upn": one.user_principal_name,
            "lastNonMfaCompliantRequestDateTime": (instant(one.at) or "").removesuffix("Z"),
        }

    items = [laggard_json(one) for one in call.world.laggards.by("partner", call.partner.id)]
    return Answer(body=collection(items, "/partnerRequests"))


ROUTES = (
    Route(method="GET", path="/v1/auditrecords", operation="auditrecords.list", handler=list_records),
    Route(
        method="GET",
        path="/auditactivity/v1/auditrecords/{record}",
        operation="auditrecords.get",
        handler=get_record,
    ),
    Route(method="GET", path="/v1/auditrecords/{record}", operation="auditrecords.get", handler=get_record),
    Route(
        method="GET", path="/v1/partnerRequests", operation="partnerRequests.list", handler=partner_requests
    ),
)
