"""`csp up`: everything in one process, with nothing else installed."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from contextlib import AsyncExitStack
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from csp_cli.bootstrap import DemoReseller, has_catalogue, load_demo_reseller
from csp_cli.composition import compose, migrate_all
from csp_cli.embedded_settings import HOST, embedded_settings
from csp_cli.local_state import AlreadyRunning, LocalState, UnusableFolder
from csp_cli.newest import ClockBehind, refuse_a_clock_that_is_behind
from csp_cli.server import PortBusy, Serving, bind
from csp_cli.services import SERVICES
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.clock import SimulatorClock
from csp_runtime.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresFailed
from csp_runtime.event_loop import run as run_loop
from csp_runtime.event_loop import settle
from csp_runtime.http import Readiness, add_health
from csp_runtime.logs import configure_logs
from csp_runtime.rounds import BackOff, for_ever
from csp_runtime.scope import Role
from csp_runtime.telemetry import configure_telemetry

LOOK_SECONDS = 0.5
STARTUP_FAULTS = (AlreadyRunning, UnusableFolder, PortBusy, EmbeddedPostgresFailed, ClockBehind)


def run_embedded(folder: Path, port: int, simulator_port: int) -> int:
    """Run until Ctrl-C; the exit status."""
    configure_logs(json=False, level=os.environ.get("CSP_LOG_LEVEL", "warning"))
    state = LocalState(folder)
    database: EmbeddedPostgres | None = None
    try:
        state.lock()
        listeners = [bind(HOST, port, "CSP_PORT"), bind(HOST, simulator_port, "CSP_SIMULATOR_PORT")]
        url = os.environ.get("CSP_DATABASE_URL")
        if url is None:
            # Started from the main thread: the server ends with the thread that started it.
            database = EmbeddedPostgres(folder / "postgres", say=_say)
            database.start()
            url = database.url
        return run_loop(_run(state, url, listeners, database))
    except STARTUP_FAULTS as fault:
        _say(f"csp up: {fault}")
        return 1
    finally:
        if database is not None:
            database.stop()
        state.release()


async def _run(state: LocalState, url: str, listeners: list[Any], database: EmbeddedPostgres | None) -> int:
    began = time.monotonic()
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ending.set)
    async with AsyncExitStack() as stack:
        if database is not None:
            keeper = asyncio.create_task(_keep_running(database), name="database")
            stack.push_async_callback(_cancelled, keeper)
        gateway_port, simulator_port = (listener.getsockname()[1] for listener in listeners)
        simulator_url = f"http://{HOST}:{simulator_port}"
        simulator = _simulator(state.folder / "simulator", simulator_url)
        await simulator.start()
        stack.push_async_callback(simulator.stop)
        await _serve(stack, simulator.app, listeners[1], dates=False)

        migrations = asyncio.create_task(asyncio.to_thread(migrate_all, url, SERVICES))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10.0))
        clock = await SimulatorClock.connect(simulator_url, http)
        await migrations
        await asyncio.to_thread(refuse_a_clock_that_is_behind, url, clock.now())

        issuer = DevelopmentIssuer(state.folder)
        gateway = f"http://{HOST}:{gateway_port}"
        settings, microsoft, mail = embedded_settings(state, url, gateway, gateway_port, simulator_url)
        configure_telemetry("all", otlp_endpoint=settings.otlp_endpoint)
        composed = await compose(
            [known.name for known in SERVICES],
            settings=settings,
            microsoft=microsoft,
            mail=mail,
            clock=clock,
            stack=stack,
            issuer=issuer,
        )
        follower = asyncio.create_task(clock.follow(), name="clock")
        stack.push_async_callback(_cancelled, follower)
        await composed.host.start()
        stack.push_async_callback(composed.host.stop)
        provisioning = composed.platform.peers.client("provisioning")
        reseller = await load_demo_reseller(simulator_url, http, composed.client, issuer, provisioning)
        pricing = composed.platform.peers.client("pricing")
        catalogue = Readiness(
            name="the demo reseller's catalogue", probe=lambda: has_catalogue(reseller, issuer, pricing)
        )
        parts = [*composed.host.readiness(), catalogue]
        app = composed.services["gateway"].app
        _development_routes(app, issuer)
        add_health(app, parts, lambda: clock.now().isoformat())
        settle()
        await _serve(stack, app, listeners[0])

        is_ready = await _wait_until_ready(parts, ending)
        if is_ready:
            _announce(
                state, issuer, reseller, gateway_port, simulator_url, time.monotonic() - began, clock.now()
            )
        await ending.wait()
        _say("csp up: stopping")
    return 0


async def _serve(
    stack: AsyncExitStack,
    app: Any,
    listener: Any,
    *,
    dates: bool = True,  # an ASGI app, a socket
) -> None:
    serving = Serving(app, listener, dates=dates)
    await serving.start()
    stack.push_async_callback(serving.stop)


async def _keep_running(database: EmbeddedPostgres) -> None:
    """Nobody else starts the database of this machine again."""
    back_off = BackOff(LOOK_SECONDS)

    async def look() -> None:
        if not database.start_again_if_ended():
            back_off.reset()

    await for_ever(look, back_off.wait)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _simulator(folder: Path, url: str) -> Any:  # the product does not know its class
    found = entry_points(group="csp.simulators", name="partner-center")
    if not found:
        raise EmbeddedPostgresFailed(
            "the Partner Center simulator is not installed: install csp-cli[simulator]"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (build,) = (entry.load() for entry in found)
    return build(data=folder, clock="running", base_url=url)


def _development_routes(app: FastAPI, issuer: DevelopmentIssuer) -> None:
    @app.get("/development/jwks", include_in_schema=False)
    async def jwks() -> dict[str, Any]:
        return issuer.jwks()


async def _wait_until_ready(parts: list[Readiness], ending: asyncio.Event) -> bool:
    while not ending.is_set():
        if all([await part.probe() for part in parts]):
            return True
        await asyncio.sleep(0.05)
    return False


def _announce(
    state: LocalState,
    issuer: DevelopmentIssuer,
    reseller: DemoReseller,
    port: int,
    simulator_url: str,
    seconds: float,
    now: datetime,
) -> None:
    base = f"http://{HOST}:{port}"
    state.announce(
        {
            "gateway": base,
            "simulator": simulator_url,
            "reseller_id": reseller.reseller_id,
            "microsoft_tenant_id": reseller.microsoft_tenant_id,
            "pid": os.getpid(),
        }
    )
    token = issuer.issue(reseller=reseller.reseller_id, role=Role.RESELLER_ADMIN)
    _say(
        f"""
The platform is ready ({seconds:.1f} s); its clock shows {now:%Y-%m-%d %H:%M} UTC, as the simulator's does.

  reseller API   {base}/v1          (OpenAPI page: {base}/v1/docs)
  customer API   {base}/portal/v1   (OpenAPI page: {base}/portal/v1/docs)
  readiness      {base}/readyz
  simulator      {simulator_url}    (console: {simulator_url}/_control/)
  mailbox        {state.folder / "mailbox"}

  DEVELOPMENT TOKENS: anybody on this machine can make them. Never run it like this in front of real customers.
  reseller {reseller.name} ({reseller.reseller_id}):
  {token}
  more: csp token --as customer-admin --customer cus_…

  next: `make demo` plays the story; Ctrl-C ends everything.
"""
    )


def _say(text: str) -> None:
    print(text, file=sys.stdout, flush=True)
