"""PC 10: invoices, their lines, and the export."""

import gzip
import json
from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest

from csp_partner_center import RequestIds, Reseller
from csp_partner_center.billing_export import ExportFailed
from csp_partner_center.invoice_lines import NewCommerceLine
from csp_partner_center.paging import CONTINUATION, UnreadableItem

Say = Callable[..., httpx.Response]

LINE = {
    "customerId": "org:AAAA",
    "chargeType": "addQuantity",
    "unitPrice": "16",
    "quantity": 3,
    "subtotal": 1.55,
    "PCToBCExchangeRate": "1",
    "pcToBCExchangeRateDate": "0001-01-01T00:00:00",
    "chargeStartDate": "2026-03-05T00:00:00",
    "referenceId": "r1",
}


async def test_lines_come_page_by_page_with_texts_as_decimals(reseller: Reseller, microsoft, say: Say):
    links = {"next": {"uri": "x", "headers": [{"key": CONTINUATION, "value": "t1"}]}}
    microsoft.answers(
        say(200, {"items": [LINE], "links": links}), say(200, {"items": [{**LINE, "unitPrice": 16}]})
    )
    found = [line async for page in reseller.invoices.lines("G000001") for line in page.items]
    assert [line.unit_price for line in found] == [Decimal(16), Decimal(16)]
    assert found[0].exchange_rate == Decimal(1)
    assert found[0].exchange_rate_date is None
    assert found[0].microsoft_tenant_id == "aaaa"
    assert found[0].raw["referenceId"] == "r1"


async def test_an_export_is_asked_for_awaited_and_streamed(
    reseller: Reseller, microsoft, say: Say, ids: RequestIds
):
    base = "https://graph.microsoft.com/v1.0/reports/partners/billing"
    pascal = {name[0].upper() + name[1:]: value for name, value in LINE.items()}
    packed = gzip.compress(b"\n".join([json.dumps(pascal).encode(), b'{"broken": 1}', b""]))
    microsoft.answers(
        say(202, None, Location=f"{base}/operations/op-1"),
        say(200, {"id": "op-1", "status": "running"}, **{"Retry-After": "10"}),
        say(
            200,
            {
                "id": "op-1",
                "status": "succeeded",
                "resourceLocation@odata.navigationLink": f"{base}/manifests/m-1",
            },
        ),
        say(
            200,
            {
                "id": "m-1",
                "eTag": "e1",
                "rootDirectory": "http://127.0.0.1:8787/blobs",
                "sasToken": "sig=canary",
                "blobs": [{"name": "a.gz"}],
            },
        ),
        httpx.Response(200, content=packed),
    )
    export = reseller.billing_export
    operation_id = await export.start_billed("G000001", ids)
    running = await export.operation(operation_id)
    done = await export.operation(operation_id)
    manifest = await export.manifest(done)
    lines = [line async for line in export.lines(manifest)]
    assert (operation_id, running.retry_after, done.manifest_id, manifest.e_tag) == (
        "op-1",
        10.0,
        "m-1",
        "e1",
    )
    assert [type(line) for line in lines] == [NewCommerceLine, UnreadableItem]
    assert "Authorization" not in microsoft.requests[-1].headers
    assert "canary" not in repr(manifest)


async def test_an_export_without_data_says_so(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(
        say(200, {"id": "op", "status": "failed", "error": {"code": "5000", "message": "No data available"}})
    )
    with pytest.raises(ExportFailed, match="5000"):
        await reseller.billing_export.operation("op")


async def test_the_history_of_transitions_has_a_name_of_its_own(reseller: Reseller, microsoft, say: Say):
    microsoft.answers(
        say(
            200,
            {
                "transition": [
                    {"toCatalogItemId": "P:2:A", "Events": [{"name": "Conversion", "status": "Completed "}]}
                ]
            },
        )
    )
    (found,) = await reseller.transitions.history("c", "s")
    assert found.events[0].is_completed
