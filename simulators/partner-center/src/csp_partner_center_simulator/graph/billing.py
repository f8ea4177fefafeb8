"""The Graph billing export: operation, manifest, and gzip JSON lines behind a SAS token (PC 10.9)."""

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from csp_partner_center_simulator.billing.invoicing import unbilled
from csp_partner_center_simulator.graph.odata import bad_request
from csp_partner_center_simulator.partner_center.line_items import file_names, one_time_facts
from csp_partner_center_simulator.rules import terms
from csp_partner_center_simulator.state.billing import Charge, Export
from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import Answer, encode, instant
from csp_partner_center_simulator.wire.call import Call
from csp_partner_center_simulator.wire.errors import GraphError
from csp_partner_center_simulator.wire.router import Route

LINK_LIFE = timedelta(hours=1)
# The exact basic subset was not found (PC 10.9); these are the members a reconciliation cannot do without.
BASIC = frozenset(
    {
        "PartnerId", "CustomerId", "CustomerName", "InvoiceNumber", "ProductId", "SkuId", "AvailabilityId", "SkuName",
        "ProductName", "ChargeType", "UnitPrice", "Quantity", "Subtotal", "TaxTotal", "Total", "Currency", "SubscriptionId",
        "ChargeStartDate", "ChargeEndDate", "EffectiveUnitPrice", "BillableQuantity", "ReferenceId", "OrderDate",
    }
)  # fmt: skip
_B = "/graph/v1.0/reports/partners/billing"


def _partner_directory(call: Call) -> None:
    if call.caller.tenant_id != call.partner.id:
        raise GraphError(
            403,
            "Authorization_RequestDenied",
            "The billing export needs a token for the partner's directory.",
        )


def _start(call: Call, request: dict[str, Any]) -> Answer:
    _partner_directory(call)
    world = call.world
    attribute_set = call.request.object().text("attributeSet", "full").lower()
    if attribute_set not in {"full", "basic"}:
        raise bad_request("attributeSet must be full or basic.")
    request["attribute_set"] = attribute_set
    if call.fault == "export_failed":
        request["fails"] = True
    export = world.exports.put(
        Export(
            id=world.new_id("export"),
            partner_id=call.partner.id,
            created_at=world.now,
            changed_at=world.now,
            status="notStarted",
            request=request,
        )
    )
    delay = world.delay("export", 5, 300)
    world.later(world.now + delay, "export.step", ref=export.id, partner_id=call.partner.id)
    return Answer(202, None, {"Location": f"{call.base_url}{_B}/operations/{export.id}"})


def billed(call: Call) -> Answer:
    """Export the lines of an invoice."""
    invoice_id = call.request.object().text("invoiceId")
    if not invoice_id:
        raise bad_request("invoiceId is required.")
    return _start(call, {"kind": "billed", "invoice_id": invoice_id})


def unbilled_lines(call: Call) -> Answer:
    """Export lines that no invoice has yet."""
    body = call.request.object()
    period = body.text("billingPeriod", "current").lower()
    if period not in {"current", "last"}:
        raise bad_request("billingPeriod must be current or last.")
    return _start(call, {"kind": "unbilled", "currency": body.text("currencyCode").upper(), "period": period})


def usage(call: Call) -> Answer:
    """Export usage: there is none, so the operation fails with 5000."""
    return _start(call, {"kind": "usage"})


def step(world: World, task: Task) -> None:
    """Move an export on: notStarted, running, succeeded or failed (agenda: `export.step`)."""
    export = world.exports.get(task.ref)
    if export is None or export.status in {"succeeded", "failed"}:
        return
    if export.status == "notStarted":
        world.exports.put(replace(export, status="running", changed_at=world.now))
        world.later(
            world.now + world.delay("export", 5, 300),
            "export.step",
            ref=export.id,
            partner_id=export.partner_id,
        )
        return
    if export.request.get("fails") or not lines_of(world, export):
        world.exports.put(replace(export, status="failed", failure="No data available", changed_at=world.now))
        return
    signature = world.new_hex("sas", 40)
    sas = f"sv=2021-08-06&sr=d&sp=r&se={instant(world.now + LINK_LIFE)}&sig={signature}"
    world.exports.put(
        replace(
            export,
            status="succeeded",
            manifest_id=world.new_id("manifest"),
            sas_token=sas,
            changed_at=world.now,
        )
    )


def lines_of(world: World, export: Export) -> list[Charge]:
    """Give the charges an export holds."""
    request = export.request
    match request["kind"]:
        case "billed":
            invoice = world.invoices.get(request["invoice_id"])
            if invoice is None or invoice.partner_id != export.partner_id or invoice.kind != "OneTime":
                return []
            return world.charges.by("invoice", invoice.id)
        case "unbilled":
            first = export.created_at.date().replace(day=1)
            current = request["period"] == "current"
            since = terms.at_midnight(first if current else terms.add_months(first, -1))
            until = terms.at_midnight(terms.add_months(first, 1) if current else first)
            return [
                one
                for one in unbilled(world, export.partner_id, "nce", until)
                if one.at >= since
                and one.visible_at <= export.created_at
                and one.currency == request["currency"]
            ]
        case _:
            return []


def _find(call: Call) -> Export:
    _partner_directory(call)
    export = call.world.exports.get(call.params["operation"])
    if export is None or export.partner_id != call.partner.id:
        raise GraphError(404, "ResourceNotFound", "The operation does not exist.")
    return export


def operation(call: Call) -> Answer:
    """Tell how far an export is: always 200."""
    export = _find(call)
    kind = {
        "notStarted": "runningOperation",
        "running": "runningOperation",
        "succeeded": "exportSuccessOperation",
        "failed": "failedOperation",
    }[export.status]
    body: dict[str, Any] = {
        "@odata.context": f"{call.base_url}/graph/v1.0/$metadata#reports/partners/billing/operations/$entity",
        "@odata.type": f"#microsoft.graph.partners.billing.{kind}",
        "id": export.id,
        "status": export.status,
        "createdDateTime": instant(export.created_at),
        "lastActionDateTime": instant(export.changed_at),
    }
    headers = {}
    if export.status in {"notStarted", "running"}:
        headers["Retry-After"] = "10"
    if export.status == "failed":
        body["error"] = {"message": export.failure, "code": "5000"}
    if export.status == "succeeded":
        body["resourceLocation@odata.navigationLink"] = f"{call.base_url}{_B}/manifests/{export.manifest_id}"
    return Answer(body=body, headers=headers)


def manifest(call: Call) -> Answer:
    """Give the manifest: where the blobs are; 410 when its links have expired."""
    _partner_directory(call)
    wanted = call.params["manifest"].lower()
    export = next(
        (one for one in call.world.exports.by("partner", call.partner.id) if one.manifest_id == wanted), None
    )
    if export is None:
        raise GraphError(404, "ResourceNotFound", "The manifest does not exist.")
    if call.now > export.changed_at + LINK_LIFE:
        raise GraphError(410, "Gone", "The links of the manifest have expired; start a new export.")
    if call.fault == "export_changed":
        # The data changed after the export had succeeded: a new eTag (PC 10.9).
        salt = call.world.next_number()
        export = call.world.exports.put(replace(export, request={**export.request, "salt": salt}))
    charges = lines_of(call.world, export)
    content = f"{export.request.get('salt', '')}/{'/'.join(one.id for one in charges)}/{export.request['attribute_set']}"
    return Answer(
        body={
            "@odata.context": f"{call.base_url}/graph/v1.0/$metadata#reports/partners/billing/manifests/$entity",
            "id": export.manifest_id,
            "schemaVersion": "1",
            "dataFormat": "compressedJSON",
            "createdDateTime": instant(export.changed_at),
            "eTag": hashlib.sha256(content.encode()).hexdigest()[:17],
            "partnerTenantId": call.partner.id,
            "rootDirectory": f"{call.base_url}/exports/{export.id}",
            "sasToken": export.sas_token,
            "partitionType": "Default",
            "blobCount": 1,
            "blobs": [{"name": _blob_name(export), "partitionValue": "default"}],
        }
    )


def _blob_name(export: Export) -> str:
    return f"part-00000-{export.manifest_id}.c000.json.gz"


def blob(call: Call) -> Answer:
    """Give a blob to whoever holds its SAS token; no Authorization header."""
    export = call.world.exports[call.params["operation"]]
    if call.params["blob"] != _blob_name(export) or call.request.raw_query != export.sas_token:
        raise GraphError(403, "AuthenticationFailed", "The signature did not match.")
    if call.now > export.changed_at + LINK_LIFE:
        raise GraphError(403, "AuthenticationFailed", "The signature has expired.")
    basic = export.request["attribute_set"] == "basic"
    rows = []
    for one in lines_of(call.world, export):
        row = file_names(one_time_facts(call.world, one))
        row["ProductQualifiers"] = json.dumps(row["ProductQualifiers"]) if row["ProductQualifiers"] else ""
        rows.append(encode({name: value for name, value in row.items() if not basic or name in BASIC}))
    return Answer(body=gzip.compress(b"\n".join(rows) + b"\n"), content_type="application/gzip")


def _route(method: str, path: str, name: str, handler: Callable[[Call], Answer]) -> Route:
    return Route(method=method, path=path, operation=f"graph.billing.{name}", handler=handler)


ROUTES = (
    _route("POST", f"{_B}/reconciliation/billed/export", "reconciliation.billed.export", billed),
    _route("POST", f"{_B}/reconciliation/unbilled/export", "reconciliation.unbilled.export", unbilled_lines),
    _route("POST", f"{_B}/usage/billed/export", "usage.billed.export", usage),
    _route("POST", f"{_B}/usage/unbilled/export", "usage.unbilled.export", usage),
    _route("GET", f"{_B}/operations/{{operation}}", "operations.get", operation),
    _route("GET", f"{_B}/manifests/{{manifest}}", "manifests.get", manifest),
    _route("GET", "/exports/{operation}/{blob}", "blobs.get", blob),
)
