"""Access tokens through msal: app-only and app+user, for Partner Center, Graph and each customer's directory (PC 1.2, 1.3).

msal is synchronous and speaks https only. It runs in a thread; its requests come back to this event loop and go through
the client's own httpx, so that one place knows proxies, trust and (for a simulator on loopback) the plain http address.
"""

import asyncio
import re
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import msal

from csp_partner_center.calls import Access
from csp_partner_center.credentials import (
    ClientCertificate,
    ClientSecret,
    Credentials,
    CredentialStore,
    CredentialsUnknown,
)
from csp_partner_center.errors import ConsentRequired, CredentialsRejected, NotConnected
from csp_partner_center.secrets import Secret
from csp_partner_center.settings import PartnerCenterSettings
from csp_runtime.clock import Clock

# General knowledge of Entra (PC 1.3): the ones worth words of their own.
_REASONS = {
    50076: "multifactor authentication is required",
    50079: "multifactor authentication must be set up",
    65001: "the application has no consent in this directory",
    700082: "the refresh token has expired",
    7000215: "the application's secret is wrong",
    7000222: "the application's secret has expired",
}
_MOST_APPLICATIONS = 64
_MOST_HELD = 1000
_NEEDS_A_PERSON = {"invalid_grant", "interaction_required", "consent_required", "login_required"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFor:
    """What a token is for: the directory is the partner's own where `tenant` is None."""

    reseller_id: str
    is_graph: bool
    access: Access
    tenant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    token: Secret
    good_until: float


class Tokens:
    """Fetches and keeps tokens; renews them early; rotates refresh tokens through the store."""

    def __init__(
        self, settings: PartnerCenterSettings, store: CredentialStore, clock: Clock, http: httpx.AsyncClient
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._http = http
        self._held: dict[TokenFor, _Held] = {}
        self._locks: dict[TokenFor, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Any: msal has no types. Each directory has an application of its own; of thousands only the latest are kept.
        self._applications: OrderedDict[tuple[str, str, int], Any] = OrderedDict()
        self._applications_lock = threading.Lock()

    async def token(self, purpose: TokenFor) -> Secret:
        """A token that is good for a while yet.

        Raises `ConsentRequired`, `CredentialsRejected`, `NotConnected`.
        """
        async with self._locks[purpose]:
            held = self._held.get(purpose)
            if held is None or held.good_until <= self._clock.monotonic():
                held = await self._fetch(purpose)
                self._held[purpose] = held
                self._forget_dead()
            return held.token

    def _forget_dead(self) -> None:
        if len(self._held) > _MOST_HELD:
            now = self._clock.monotonic()
            for purpose in [each for each, held in self._held.items() if held.good_until <= now]:
                del self._held[purpose]

    def forget(self, purpose: TokenFor, token: Secret) -> None:
        """Microsoft refused this token: the next call fetches another."""
        held = self._held.get(purpose)
        if held is not None and held.token == token:
            del self._held[purpose]

    def forget_reseller(self, reseller_id: str) -> None:
        """The credentials were replaced."""
        for purpose in [each for each in self._held if each.reseller_id == reseller_id]:
            del self._held[purpose]
        for key in [each for each in self._applications if each[0] == reseller_id]:
            del self._applications[key]

    async def _fetch(self, purpose: TokenFor) -> _Held:
        try:
            credentials = await self._store.load(purpose.reseller_id)
            if purpose.access is Access.APP:
                return self._holding(purpose, await self._for_application(purpose, credentials))
            return await self._for_user(purpose, credentials)
        except CredentialsUnknown as fault:
            raise CredentialsRejected("auth.token", str(fault)) from None

    async def _for_application(self, purpose: TokenFor, credentials: Credentials) -> Mapping[str, Any]:
        def acquire(application: Any) -> Any:
            # msal would hand out the token that Microsoft has just refused.
            application.remove_tokens_for_client()
            return application.acquire_token_for_client(scopes=[self._scope(purpose, user=False)])

        return await self._ask(purpose, credentials, acquire)

    async def _for_user(self, purpose: TokenFor, credentials: Credentials) -> _Held:
        if credentials.refresh_token is None or credentials.consent_required_since is not None:
            raise ConsentRequired(
                "auth.token", "an administrator must sign in with multifactor authentication"
            )
        found: list[_Held] = []

        async def redeem(current: Credentials) -> Secret | None:
            refresh_token = current.refresh_token
            if refresh_token is None:
                raise ConsentRequired("auth.token", "there is no refresh token")

            def acquire(application: Any) -> Any:
                return application.acquire_token_by_refresh_token(
                    refresh_token.reveal(), scopes=[self._scope(purpose, user=True)]
                )

            answer = await self._ask(purpose, current, acquire)
            found.append(self._holding(purpose, answer))
            newest = answer.get("refresh_token")
            return Secret(newest) if isinstance(newest, str) and newest else None

        try:
            await self._store.redeem(purpose.reseller_id, redeem)
        except ConsentRequired:
            # A customer's directory that refuses says nothing about the partner's own sign-in.
            if purpose.tenant is None:
                await self._store.consent_required(purpose.reseller_id, self._clock.now())
            raise
        return found[0]

    def _scope(self, purpose: TokenFor, *, user: bool) -> str:
        if purpose.is_graph:
            return f"{self._settings.cloud.graph_audience}/.default"
        return f"{self._settings.cloud.audience}/{'user_impersonation' if user else '.default'}"

    async def _ask(self, purpose: TokenFor, credentials: Credentials, acquire: Any) -> Mapping[str, Any]:
        directory = purpose.tenant or credentials.microsoft_tenant_id
        loop = asyncio.get_running_loop()

        def run() -> Any:
            return acquire(self._application(purpose.reseller_id, directory, credentials, loop))

        reason: str
        try:
            answer = await asyncio.to_thread(run)
        except _Unreachable as fault:
            reason = str(fault)
        except (ValueError, RuntimeError, TypeError) as fault:
            # msal's texts may repeat what it was given.
            raise CredentialsRejected(
                "auth.token", f"the token service's answer is unusable ({type(fault).__name__})"
            ) from None
        else:
            return self._checked(answer)
        raise NotConnected("auth.token", reason)

    def _checked(self, answer: object) -> Mapping[str, Any]:
        if isinstance(answer, Mapping) and isinstance(answer.get("access_token"), str):
            return answer
        said: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {}
        error = str(said.get("error", "no answer"))
        text = str(said.get("error_description", ""))
        codes = {int(code) for code in re.findall(r"AADSTS(\d+)", text)}
        codes |= {int(code) for code in said.get("error_codes") or () if str(code).isdigit()}
        known = next((_REASONS[code] for code in sorted(codes) if code in _REASONS), None)
        shown = ", ".join(f"AADSTS{code}" for code in sorted(codes))
        reason = f"{error}{f' ({shown})' if shown else ''}{f': {known}' if known else ''}"
        raise (ConsentRequired if error in _NEEDS_A_PERSON else CredentialsRejected)("auth.token", reason)

    def _holding(self, _purpose: TokenFor, answer: Mapping[str, Any]) -> _Held:
        lifetime = float(answer.get("expires_in") or 3600)  # PC 1.3: a text in v1 answers
        margin = min(self._settings.token_margin, lifetime / 2)
        return _Held(
            token=Secret(answer["access_token"]), good_until=self._clock.monotonic() + lifetime - margin
        )

    def _application(
        self, reseller_id: str, directory: str, credentials: Credentials, loop: asyncio.AbstractEventLoop
    ) -> Any:  # Any: msal has no types
        key = (reseller_id, directory, hash((credentials.client_id, credentials.proof)))
        with self._applications_lock:
            found = self._applications.pop(key, None)
            if found is not None:
                self._applications[key] = found
        if found is None:
            authority = self._settings.cloud.authority
            found = msal.ConfidentialClientApplication(
                credentials.client_id,
                client_credential=_msal_credential(credentials),
                authority=f"{_https(authority)}/{directory}",
                instance_discovery=False,
                http_client=_LoopHttp(self._http, loop, secure=_https(authority), actual=authority),
            )
            with self._applications_lock:
                self._applications[key] = found
                while len(self._applications) > _MOST_APPLICATIONS:
                    self._applications.popitem(last=False)
        return found


def _msal_credential(credentials: Credentials) -> str | dict[str, str]:
    match credentials.proof:
        case ClientSecret(secret=secret):
            return secret.reveal()
        case ClientCertificate() as certificate:
            return {
                "private_key": certificate.private_key.reveal(),
                "public_certificate": certificate.public_certificate,
            }


def _https(base: str) -> str:
    return re.sub("^http:", "https:", base)


class _Unreachable(Exception):
    """The token service did not answer."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The three members that msal asks of an answer."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise _Unreachable(f"the token service answered {self.status_code}")


class _LoopHttp:
    """msal's http client: called in msal's thread, works in the event loop."""

    def __init__(
        self, http: httpx.AsyncClient, loop: asyncio.AbstractEventLoop, *, secure: str, actual: str
    ) -> None:
        self._http = http
        self._loop = loop
        self._secure = secure
        self._actual = actual

    def get(self, url: str, params: Any = None, headers: Any = None, **_: object) -> _Answer:
        return self._run("GET", url, params=params, headers=headers)

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: object
    ) -> _Answer:
        return self._run("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """The client belongs to whoever made it."""

    def _run(self, method: str, url: str, **request: Any) -> _Answer:
        if url.startswith(self._secure):
            url = self._actual + url.removeprefix(self._secure)
        return asyncio.run_coroutine_threadsafe(self._send(method, url, request), self._loop).result(90.0)

    async def _send(self, method: str, url: str, request: dict[str, Any]) -> _Answer:
        data = request.pop("data", None)
        if isinstance(data, str | bytes):
            request["content"] = data
        elif data is not None:
            request["data"] = data
        try:
            answer = await self._http.request(
                method, url, **{k: v for k, v in request.items() if v is not None}
            )
        except httpx.HTTPError as fault:
            reason = f"the token service did not answer ({type(fault).__name__})"
        else:
            if answer.status_code < 500:
                # msal compares the document's issuer with the https address that it believes in.
                text = answer.text if method == "POST" else answer.text.replace(self._actual, self._secure)
                return _Answer(answer.status_code, text, answer.headers)
            reason = f"the token service answered {answer.status_code}"
        raise _Unreachable(reason)
