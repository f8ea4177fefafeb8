"""Where Microsoft is, and how patient the client is. One object, made by whoever reads the environment."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The hosts of one national cloud (PC 1.1): the bases without a trailing slash, `audience` as tokens name it."""

    api_root: str
    pricing_root: str
    graph_root: str
    authority: str
    audience: str
    graph_audience: str

    def __post_init__(self) -> None:
        for name in ("api_root", "pricing_root", "graph_root", "authority"):
            url = urlsplit(getattr(self, name))
            is_loopback = url.hostname in ("127.0.0.1", "::1", "localhost")
            if url.scheme != "https" and not (url.scheme == "http" and is_loopback):
                raise ValueError(f"{name}: https is required (plain http only for loopback)")


GLOBAL = Cloud(
    api_root="https://api.partnercenter.microsoft.com",
    pricing_root="https://api.partner.microsoft.com/v1.0",
    graph_root="https://graph.microsoft.com/v1.0",
    authority="https://login.microsoftonline.com",
    audience="https://api.partnercenter.microsoft.com",
    graph_audience="https://graph.microsoft.com",
)
US_GOVERNMENT = Cloud(
    api_root=GLOBAL.api_root,
    pricing_root=GLOBAL.pricing_root,
    graph_root="https://graph.microsoft.us/v1.0",
    authority="https://login.microsoftonline.us",
    audience=GLOBAL.audience,
    graph_audience="https://graph.microsoft.us",
)
CHINA = Cloud(
    api_root="https://partner.partnercenterapi.microsoftonline.cn",
    pricing_root=GLOBAL.pricing_root,
    graph_root="https://microsoftgraph.chinacloudapi.cn/v1.0",
    authority="https://login.partner.microsoftonline.cn",
    audience="https://partner.partnercenterapi.microsoftonline.cn",
    graph_audience="https://microsoftgraph.chinacloudapi.cn",
)
CLOUDS: dict[str, Cloud] = {"global": GLOBAL, "us_government": US_GOVERNMENT, "china": CHINA}


def simulator(base: str) -> Cloud:
    """The cloud of a Partner Center simulator at `base` (loopback http is allowed)."""
    root = base.rstrip("/")
    return Cloud(
        api_root=root,
        pricing_root=f"{root}/v1.0",
        graph_root=f"{root}/graph/v1.0",
        authority=root,
        audience=GLOBAL.audience,
        graph_audience=GLOBAL.graph_audience,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerCenterSettings:
    """Times in seconds, rates in calls per minute.

    `first_rate` is where the call budget begins for a reseller not seen before (PC 2.9 publishes 500 a minute);
    `highest_rate` and `lowest_rate` bound what it learns. `concurrency` bounds the calls in flight of one process and
    reseller. `asks_for_mfa_status` sends `ValidateMfa` (PC 1.2).
    """

    cloud: Cloud = GLOBAL
    application_name: str = "csp-platform"
    locale: str = "en-US"
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    deadline: float = 120.0
    retries: int = 4
    first_backoff: float = 0.5
    longest_backoff: float = 20.0
    first_rate: int = 480
    lowest_rate: int = 30
    highest_rate: int = 6000
    concurrency: int = 64
    breaker_failures: int = 8
    breaker_pause: float = 15.0
    token_margin: float = 120.0
    asks_for_mfa_status: bool = True
    ca_file: str | None = None
    api_version: Literal["v1"] = "v1"
