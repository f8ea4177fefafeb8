"""One reseller's way to Microsoft."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

from csp_partner_center.answers import Answer, RequestIds, with_value
from csp_partner_center.calls import Call
from csp_partner_center.errors import UnreadableAnswer
from csp_partner_center.exchange import Reply
from csp_partner_center.reading import UnreadableField, read
from csp_partner_center.transport import Transport

T = TypeVar("T")


class Session:
    """What every resource of this package is made of."""

    def __init__(self, transport: Transport, reseller_id: str, correlation_id: UUID | None = None) -> None:
        self._transport = transport
        self.reseller_id = reseller_id
        self.correlation_id = correlation_id

    async def send(self, call: Call, ids: RequestIds | None = None) -> Reply:
        """Raises `PartnerCenterError`."""
        return await self._transport.send(self.reseller_id, call, ids or self._ids())

    async def ask(self, kind: type[T], call: Call, ids: RequestIds | None = None) -> Answer[T]:
        """Send, and read the body as a `kind`.

        Raises `PartnerCenterError`; `UnreadableAnswer` for a success whose body is not one (read again, if it was a read).
        """
        reply = await self.send(call, ids)
        return with_value(reply.answer, self.read(kind, call, reply))

    def download(self, operation: str, url: str) -> AsyncIterator[bytes]:
        """A blob behind a signed link, in pieces."""
        return self._transport.download(operation, url)

    def read(self, kind: type[T], call: Call, reply: Reply) -> T:
        """The body of a reply.

        Raises `UnreadableAnswer`.
        """
        return self.understood(call, reply, partial(read, kind))

    def understood(self, call: Call, reply: Reply, reader: Callable[[Any], T]) -> T:  # Any: decoded JSON
        """The body of a reply through a reader of decoded JSON.

        Raises `UnreadableAnswer`.
        """
        try:
            return reader(reply.json)
        except UnreadableField as fault:
            reason = f"unreadable answer: {fault}"
        raise UnreadableAnswer(
            call.operation,
            reason,
            request_id=reply.answer.request_id,
            correlation_id=reply.answer.correlation_id,
        )

    def _ids(self) -> RequestIds:
        return RequestIds(request_id=uuid4(), correlation_id=self.correlation_id or uuid4())
