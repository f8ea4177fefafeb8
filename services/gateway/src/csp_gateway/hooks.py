"""Microsoft's notifications, handed on byte for byte: their signature is over the raw body, and the feed checks it."""

from urllib.parse import quote

import httpx
from fastapi import APIRouter, Request, Response

from csp_runtime.platform import Peers

MOST_BYTES = 64 * 1024

# What the signature's check needs; nothing else of the caller's is handed on.
_HANDED_ON = (
    "content-type",
    "authorization",
    "x-ms-certificate-url",
    "x-ms-signature-algorithm",
    "x-ms-signature",
)


def hook_routes(peers: Peers) -> APIRouter:
    """`POST /hooks/partner-center/{reseller}`; the path names the partner, because the body does not."""
    router = APIRouter()

    @router.post("/hooks/partner-center/{reseller}", include_in_schema=False)
    async def notification(reseller: str, request: Request) -> Response:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                return Response(status_code=413)
        headers = {name: request.headers[name] for name in _HANDED_ON if name in request.headers}
        try:
            answer = await peers.client("partner-feed").post(
                f"/hooks/partner-center/{quote(reseller, safe='')}", content=bytes(body), headers=headers
            )
        except httpx.TransportError:
            return Response(status_code=503, headers={"Retry-After": "5"})
        return Response(status_code=answer.status_code)

    return router
