"""Builds the platform and its services for one process, whichever way it runs."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx

from csp_cli.services import SERVICES, Known
from csp_partner_center.client import PartnerCenter, connect
from csp_partner_center.settings import CLOUDS, PartnerCenterSettings, simulator
from csp_runtime.auth import (
    ClientCredentials,
    DevelopmentIssuer,
    JwksVerifier,
    RememberingVerifier,
    ServiceTokens,
    TokenVerifier,
)
from csp_runtime.clock import Clock, SimulatorClock, SystemClock
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.feed import Feed
from csp_runtime.host import Host, LocalPeers, RemotePeers
from csp_runtime.internal_api import PeerGaps
from csp_runtime.kafka_connection import kafka_connection
from csp_runtime.log_feed import LogFeed
from csp_runtime.mail import Mailbox, Mailer, SmtpMailer
from csp_runtime.migrate import migrate
from csp_runtime.operations.approvals import ApprovalsNotNeeded
from csp_runtime.platform import Peers, Platform, Service
from csp_runtime.public_log import PublicLog
from csp_runtime.relay import Publisher
from csp_runtime.secret_box import SecretBox
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings
from csp_runtime.wakeups import Wakeups

MICROSOFT_SCHEMA = "microsoft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A process: its host, and what the command needs of it."""

    host: Host
    platform: Platform
    client: PartnerCenter
    services: Mapping[str, Service]
    publisher: Callable[[Service], Publisher] | None


def migrate_all(url: str, services: Sequence[Known]) -> list[str]:
    """Bring the schemas of these services, and Microsoft's, up to date."""
    applied = migrate(url, MICROSOFT_SCHEMA, ["csp_partner_center"])
    for known in services:
        module = known.load()
        applied += migrate(url, module.SCHEMA, module.PACKAGES)
    return applied


async def make_clock(settings: RuntimeSettings, client: httpx.AsyncClient) -> Clock:
    """The system's clock, or the simulator's where the settings say so."""
    if settings.clock == "system":
        return SystemClock()
    if settings.simulator_url is None:
        raise ValueError("CSP_CLOCK=simulator needs CSP_SIMULATOR_URL")
    return await SimulatorClock.connect(settings.simulator_url, client)


async def compose(
    names: Sequence[str],
    *,
    settings: RuntimeSettings,
    microsoft: MicrosoftSettings,
    mail: MailSettings,
    clock: Clock,
    stack: AsyncExitStack,
    issuer: DevelopmentIssuer | None,
) -> Composed:
    """Build these services. What must be closed is pushed on the stack."""
    url = settings.database_url.get_secret_value()
    box = SecretBox.from_text(settings.seal_keys.get_secret_value())
    wakeups = Wakeups(url)
    http = await stack.enter_async_context(httpx.AsyncClient(timeout=10.0))
    verifier, tokens = _identity(settings, issuer, http)
    local = LocalPeers()
    is_alone = settings.kafka is None
    peers: Peers = local if is_alone else RemotePeers(settings.peers)
    stack.push_async_callback(peers.close)  # type: ignore[attr-defined]  # both have it
    feed, publisher = await _transport(names, settings, wakeups, stack)
    platform = Platform(
        settings=settings,
        microsoft=microsoft,
        mail_settings=mail,
        clock=clock,
        wakeups=wakeups,
        feed=feed,
        verifier=verifier,
        service_tokens=tokens,
        box=box,
        mailer=_mailer(settings, mail),
        peers=peers,
        approvals=ApprovalsNotNeeded(),
        gaps=PeerGaps(peers, tokens),
    )
    credentials = Database(url, MICROSOFT_SCHEMA, DatabaseRole.WORKER, max_size=6)
    await stack.enter_async_context(credentials)
    client = await stack.enter_async_context(connect(_partner_center(microsoft), credentials, clock, box))
    services: dict[str, Service] = {}
    for known in SERVICES:
        if known.name in names:
            build = known.load().build
            services[known.name] = build(platform, client) if known.talks_to_microsoft else build(platform)
            local.add(services[known.name])
    host = Host(list(services.values()), wakeups, publisher=publisher)
    return Composed(host=host, platform=platform, client=client, services=services, publisher=publisher)


def _identity(
    settings: RuntimeSettings, issuer: DevelopmentIssuer | None, http: httpx.AsyncClient
) -> tuple[TokenVerifier, ServiceTokens]:
    if issuer is not None:
        return RememberingVerifier(issuer), issuer
    if settings.service_token_url is None or settings.service_client_secret is None:
        raise ValueError(
            "without the development issuer CSP_SERVICE_TOKEN_URL, _CLIENT_ID and _SECRET are needed"
        )
    tokens = ClientCredentials(
        settings.service_token_url,
        settings.service_client_id or "",
        settings.service_client_secret.get_secret_value(),
        http,
    )
    return RememberingVerifier(JwksVerifier(settings.issuers, http)), tokens


async def _transport(
    names: Sequence[str], settings: RuntimeSettings, wakeups: Wakeups, stack: AsyncExitStack
) -> tuple[Feed, Callable[[Service], Publisher] | None]:
    """Kafka where it is set; else the services' logs, read directly."""
    connection = kafka_connection(settings)
    if connection is None:
        url = settings.database_url.get_secret_value()
        logs: dict[str, PublicLog] = {}
        for known in SERVICES:
            database = Database(url, known.load().SCHEMA, DatabaseRole.WORKER, max_size=2)
            logs[known.name] = known.public_log(await stack.enter_async_context(database))
        return LogFeed(logs, wakeups), None
    from csp_runtime.kafka_feed import KafkaFeed
    from csp_runtime.kafka_publisher import KafkaPublisher

    def publisher(service: Service) -> Publisher:
        return KafkaPublisher(connection, service.name)

    return KafkaFeed(connection, "+".join(names)), publisher


def _partner_center(microsoft: MicrosoftSettings) -> PartnerCenterSettings:
    if microsoft.cloud == "simulator" or microsoft.base_url is not None:
        base = microsoft.base_url or "http://127.0.0.1:8787"
        return PartnerCenterSettings(cloud=simulator(base), first_rate=6000, highest_rate=60000)
    return PartnerCenterSettings(cloud=CLOUDS[microsoft.cloud])


def _mailer(settings: RuntimeSettings, mail: MailSettings) -> Mailer:
    if mail.host is None:
        return Mailbox(settings.data / "mailbox", mail.sender)
    return SmtpMailer(
        host=mail.host,
        port=mail.port,
        sender=mail.sender,
        username=mail.username,
        password=None if mail.password is None else mail.password.get_secret_value(),
        tls=mail.tls,
    )
