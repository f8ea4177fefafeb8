"""The Graph export of New Commerce lines: ask, wait, fetch the manifest, stream the blobs (PC 10.9)."""

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from csp_partner_center.answers import RequestIds
from csp_partner_center.calls import Access, Base, Call, path
from csp_partner_center.errors import Refusal, Refused, UnreadableAnswer
from csp_partner_center.invoice_lines import DailyRatedUsageLine, NewCommerceLine
from csp_partner_center.paging import UnreadableItem
from csp_partner_center.reading import OpenEnum, UnreadableField, decode, member, off_wire, read, wire
from csp_partner_center.session import Session
from csp_partner_center.writing import encode

T = TypeVar("T")

_BILLING = "/reports/partners/billing"


class ExportStatus(OpenEnum):
    """How far the export is."""

    NOT_STARTED = "notStarted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class ExportFailed(Refused):
    """The export ended without data (`5000`: there is none)."""

    code = "microsoft-export-failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One part of the export."""

    name: str
    partition_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Where the data is. `e_tag` changes when the data does: import again then. The token opens the blobs."""

    id: str | None = None
    schema_version: str | None = None
    data_format: str | None = None
    created_date_time: datetime | None = None
    e_tag: str | None = None
    root_directory: str = field(repr=False)
    sas_token: str = field(repr=False)
    blob_count: int | None = None
    blobs: list[Blob] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An export on its way; `retry_after` in seconds."""

    id: str
    status: ExportStatus
    manifest_link: str | None = field(
        default=None, metadata=wire("resourceLocation@odata.navigationLink"), repr=False
    )
    resource_location: Any = field(default=None, repr=False)  # Any: a manifest, where it comes expanded
    retry_after: float | None = field(default=None, metadata=off_wire())

    @property
    def manifest_id(self) -> str | None:
        """From the link; its host is not trusted."""
        return (
            urlsplit(self.manifest_link).path.rstrip("/").rpartition("/")[2] if self.manifest_link else None
        )


class BillingExport:
    """In the partner's own directory, with `PartnerBilling.Read.All`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def start_billed(self, invoice_id: str, ids: RequestIds, *, attributes: str = "full") -> str:
        """Ask for the lines of an invoice; the operation's id."""
        return await self._start(
            "reconciliation/billed/export", {"invoiceId": invoice_id, "attributeSet": attributes}, ids
        )

    async def start_unbilled(
        self, currency: str, ids: RequestIds, *, period: str = "current", attributes: str = "full"
    ) -> str:
        """Ask for lines that are on no invoice yet: `current` or `last` period."""
        return await self._start(
            "reconciliation/unbilled/export",
            {"currencyCode": currency, "billingPeriod": period, "attributeSet": attributes},
            ids,
        )

    async def start_usage(self, invoice_id: str, ids: RequestIds, *, attributes: str = "full") -> str:
        """Ask for the daily usage of an invoice."""
        return await self._start(
            "usage/billed/export", {"invoiceId": invoice_id, "attributeSet": attributes}, ids
        )

    async def operation(self, operation_id: str) -> Operation:
        """How far it is. Raises `ExportFailed`, `NotFound` for one whose link has expired."""
        call = self._get("graph.billing.operations.get", f"{_BILLING}/operations{path(operation_id)}")
        reply = await self._session.send(call)
        found = self._session.read(Operation, call, reply)
        if found.status == ExportStatus.FAILED:
            said = member(reply.json, "error")
            code, text = member(said, "code"), member(said, "message")
            raise ExportFailed(
                call.operation,
                f"the export failed{f' with {code}' if code else ''}",
                upstream=Refusal(
                    status=200, code=str(code) if code else None, description=str(text) if text else None
                ),
            )
        return Operation(
            id=found.id,
            status=found.status,
            manifest_link=found.manifest_link,
            resource_location=found.resource_location,
            retry_after=reply.answer.retry_after,
        )

    async def manifest(self, operation: Operation) -> Manifest:
        """Where the data of a succeeded export is."""
        call = self._get(
            "graph.billing.manifests.get", f"{_BILLING}/manifests{path(operation.manifest_id or '')}"
        )
        if operation.manifest_id is None:
            try:
                return read(Manifest, operation.resource_location)
            except UnreadableField as fault:
                raise UnreadableAnswer(call.operation, f"unreadable answer: {fault}") from None
        return (await self._session.ask(Manifest, call)).value

    async def lines(self, manifest: Manifest) -> AsyncIterator[NewCommerceLine | UnreadableItem]:
        """Line by line, never a whole blob in memory."""
        async for each in self._objects(manifest):
            yield _line(NewCommerceLine, each)

    async def usage(self, manifest: Manifest) -> AsyncIterator[DailyRatedUsageLine | UnreadableItem]:
        """The same for daily usage."""
        async for each in self._objects(manifest):
            yield _line(DailyRatedUsageLine, each)

    async def _objects(self, manifest: Manifest) -> AsyncIterator[bytes]:
        for blob in manifest.blobs:
            url = f"{manifest.root_directory.rstrip('/')}/{blob.name}?{manifest.sas_token.lstrip('?')}"
            async for line in _lines_of(self._session.download("graph.billing.blobs.get", url)):
                if line.strip():
                    yield line

    async def _start(self, what: str, body: dict[str, str], ids: RequestIds) -> str:
        call = Call(
            operation=f"graph.billing.{what.replace('/', '.')}",
            method="POST",
            path=f"{_BILLING}/{what}",
            base=Base.GRAPH,
            body=encode(body),
            access=Access.APP,
            is_repeatable=True,
        )
        reply = await self._session.send(call, ids)
        location = reply.answer.location or ""
        operation_id = urlsplit(location).path.rstrip("/").rpartition("/")[2] or str(
            member(reply.json, "id") or ""
        )
        if not operation_id:
            raise UnreadableAnswer(call.operation, "the answer names no operation")
        return operation_id

    def _get(self, operation: str, where: str) -> Call:
        return Call(operation=operation, method="GET", path=where, base=Base.GRAPH, access=Access.APP)


def _line(kind: type[T], text: bytes) -> T | UnreadableItem:
    raw: object = None
    try:
        raw = decode(text)
        return read(kind, raw)
    except UnreadableField as fault:
        return UnreadableItem(path=fault.path, rule=fault.rule, raw=raw)


async def _lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines of a stream, gzipped or plain."""
    inflate: Any = None  # Any: zlib's object has no public type
    is_first = True
    rest = b""
    async for chunk in chunks:
        if is_first and chunk:
            is_first = False
            if chunk[:2] == b"\x1f\x8b":
                inflate = zlib.decompressobj(wbits=31)
        rest += inflate.decompress(chunk) if inflate is not None else chunk
        *whole, rest = rest.split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest
