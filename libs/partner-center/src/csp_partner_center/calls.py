"""One request to Microsoft, before it is sent. A call can be kept and sent again with the very same bytes."""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote, urlsplit

import msgspec


class Base(StrEnum):
    """Which host and prefix (PC 1.1)."""

    PARTNER_CENTER = "partner-center"
    WEBHOOKS = "webhooks"
    AUDIT_ACTIVITY = "audit-activity"
    PRICING = "pricing"
    GRAPH = "graph"


class Access(StrEnum):
    """Which kind of token an operation takes (PC 1.2)."""

    APP = "app"
    APP_USER = "app-user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`path` begins with a slash and lies below the base. `tenant` is the customer's directory for Graph, None for the
    partner's own. `is_repeatable`: after an unknown outcome the client may send it again by itself (same id, same bytes).
    `deadline` in seconds, None for the settings'.
    """

    operation: str
    method: str
    path: str
    base: Base = Base.PARTNER_CENTER
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    accept: str = "application/json"
    access: Access = Access.APP
    tenant: str | None = None
    is_repeatable: bool = False
    deadline: float | None = None

    def to_bytes(self) -> bytes:
        """For keeping until the outcome is settled. May hold a password: seal it."""
        return msgspec.json.encode(self)

    @classmethod
    def from_bytes(cls, kept: bytes) -> "Call":
        """What `to_bytes` kept."""
        return msgspec.json.decode(kept, type=cls)


def path(*parts: str) -> str:
    """A path of parts, each of them quoted: `path("customers", id)` is `/customers/<id>`."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def path_of_link(uri: str) -> str:
    """The path below `/v1` that a `links.*.uri` or a webhook's `ResourceUri` names, whatever host it pretends (PC 2.6)."""
    found = urlsplit(uri.strip())
    parts = [part for part in found.path.split("/") if part]
    if parts and parts[0].lower() == "webhooks":
        parts = parts[1:]
    if parts and parts[0].lower() == "v1":
        parts = parts[1:]
    return "/" + "/".join(parts)


def etag_header(etag: str | None) -> tuple[tuple[str, str], ...]:
    """`If-Match` with quotes, or nothing where there is no etag (PC 2.5)."""
    if not etag:
        return ()
    return (("If-Match", etag if etag.startswith(('"', "W/")) else f'"{etag}"'),)
