"""Whom a notification must come from: the settings' hosts and roots, or the simulator's own authority on loopback."""

from urllib.parse import urlsplit

import httpx
from cryptography import x509

from csp_partner_feed.adapters.signature import NotGenuine, TrustPolicy, read_certificates
from csp_partner_feed.settings import PartnerFeedSettings
from csp_runtime.logs import logger

log = logger(__name__)


class Trust:
    """The policy; with a simulator its root is fetched when first needed."""

    def __init__(
        self, settings: PartnerFeedSettings, simulator_url: str | None, http: httpx.AsyncClient
    ) -> None:
        roots: tuple[x509.Certificate, ...] = ()
        if settings.trust_roots is not None:
            roots = read_certificates(settings.trust_roots.read_bytes())
        self._simulator = None if simulator_url is None else simulator_url.rstrip("/")
        self._http = http
        self._policy = TrustPolicy(
            hosts=frozenset(host.lower() for host in settings.certificate_hosts),
            roots=roots,
            organisation=settings.certificate_organisation,
            loopback_host=urlsplit(self._simulator).netloc if self._simulator else None,
        )

    def policy(self) -> TrustPolicy:
        """What holds now."""
        return self._policy

    async def start(self) -> None:
        """Fetch the simulator's root, if there is a simulator; without it its notifications are refused."""
        if self._simulator is None or self._policy.roots:
            return
        try:
            answer = await self._http.get(f"{self._simulator}/_control/webhooks/certificates/root.pem")
            roots = read_certificates(answer.raise_for_status().content)
        except (httpx.HTTPError, NotGenuine) as fault:
            log.warning("hook.no-trust-root", reason=type(fault).__name__)
            return
        self._policy = TrustPolicy(
            hosts=self._policy.hosts,
            roots=roots,
            organisation=self._policy.organisation,
            loopback_host=self._policy.loopback_host,
        )
