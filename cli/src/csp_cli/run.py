"""`csp run <service>`: one service in a process of its own, over Kafka, as Compose and Helm start it."""

import asyncio
import contextlib
import signal
import sys
from contextlib import AsyncExitStack

import httpx
from pydantic import ValidationError

from csp_cli.composition import compose, make_clock, migrate_all
from csp_cli.server import PortBusy, Serving, bind
from csp_cli.services import named
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.clock import SimulatorClock
from csp_runtime.event_loop import run as run_loop
from csp_runtime.event_loop import settle
from csp_runtime.http import add_health
from csp_runtime.logs import configure_logs
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings
from csp_runtime.telemetry import configure_telemetry

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Misconfigured(Exception):
    """A variable is missing or malformed; the message names it."""

    code = "misconfigured"


def run_service(name: str) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    try:
        settings, microsoft, mail = read_settings()
        if settings.development_issuer and settings.host not in LOOPBACK:
            raise Misconfigured("CSP_DEVELOPMENT_ISSUER is for loopback only: anybody can make its tokens")
        configure_logs(json=settings.log_format == "json", level=settings.log_level)
        configure_telemetry(name, otlp_endpoint=settings.otlp_endpoint)
        listener = bind(settings.host, settings.port, "CSP_PORT")
        return run_loop(_run(name, settings, microsoft, mail, listener))
    except (Misconfigured, PortBusy) as fault:
        print(f"csp run {name}: {fault}", file=sys.stderr)
        return 1


def read_settings() -> tuple[RuntimeSettings, MicrosoftSettings, MailSettings]:
    """The settings objects from the environment; `Misconfigured` names every faulty variable."""
    try:
        # Their values come from the environment, which a type checker does not see.
        return RuntimeSettings(), MicrosoftSettings(), MailSettings()
    except ValidationError as fault:
        faults = [
            f"CSP_{'_'.join(str(part) for part in error['loc']).upper()}: {error['msg']}"
            for error in fault.errors()
        ]
        raise Misconfigured("; ".join(faults)) from None


async def _run(
    name: str,
    settings: RuntimeSettings,
    microsoft: MicrosoftSettings,
    mail: MailSettings,
    listener: object,
) -> int:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, ending.set)
    async with AsyncExitStack() as stack:
        url = settings.database_url.get_secret_value()
        await asyncio.to_thread(migrate_all, url, [named(name)])
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30.0))
        clock = await make_clock(settings, http)
        issuer = DevelopmentIssuer(settings.data) if settings.development_issuer else None
        composed = await compose(
            [name],
            settings=settings,
            microsoft=microsoft,
            mail=mail,
            clock=clock,
            stack=stack,
            issuer=issuer,
        )
        if isinstance(clock, SimulatorClock):
            follower = asyncio.create_task(clock.follow(), name="clock")
            stack.push_async_callback(_cancelled, follower)
        await composed.host.start()
        stack.push_async_callback(composed.host.stop)
        app = composed.services[name].app
        add_health(app, composed.host.readiness(), lambda: clock.now().isoformat())
        settle()
        serving = Serving(app, listener)  # type: ignore[arg-type]  # a bound socket
        await serving.start()
        stack.push_async_callback(serving.stop)
        await ending.wait()
    return 0


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
