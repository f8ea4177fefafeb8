"""`csp up --processes`: every service in a process of its own on this machine, over a Kafka that is given."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from csp_cli.bootstrap import DemoReseller, has_catalogue, load_demo_reseller
from csp_cli.composition import MICROSOFT_SCHEMA, migrate_all
from csp_cli.embedded_settings import DEVELOPMENT_REQUESTS_PER_MINUTE
from csp_cli.local_state import AlreadyRunning, LocalState, UnusableFolder
from csp_cli.server import PortBusy, bind
from csp_cli.services import SERVICES
from csp_partner_center.client import connect
from csp_partner_center.settings import PartnerCenterSettings, simulator
from csp_runtime.auth import DevelopmentIssuer
from csp_runtime.clock import SystemClock
from csp_runtime.database import Database, DatabaseRole
from csp_runtime.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresFailed
from csp_runtime.secret_box import SecretBox

HOST = "127.0.0.1"
START_SECONDS = 120.0
STOP_SECONDS = 2.5
_PDEATHSIG = 1


class ProcessFailed(Exception):
    """A service ended by itself, or did not become ready."""

    code = "process-failed"


def run_processes(folder: Path, port: int, simulator_port: int, kafka: str, services_port: int) -> int:
    """Run until Ctrl-C or until a service fails; the exit status."""
    state = LocalState(folder)
    database: EmbeddedPostgres | None = None
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        state.lock()
        url = os.environ.get("CSP_DATABASE_URL")
        if url is None:
            database = EmbeddedPostgres(folder / "postgres", say=_say)
            database.start()
            url = database.url
        migrate_all(url, SERVICES)
        ports = _ports(port, services_port)
        environment = _environment(state, url, kafka, simulator_port, ports)
        children["simulator"] = _start(
            [
                "simulator",
                "--port",
                str(simulator_port),
                "--data",
                str(folder / "simulator"),
                "--clock",
                "running",
            ],
            os.environ.copy(),
        )
        asyncio.run(_until_answers(f"http://{HOST}:{simulator_port}/_control/health", children))
        for known in SERVICES:
            own = environment | {"CSP_PORT": str(ports[known.name])}
            children[known.name] = _start(["run", known.name], own)
        return asyncio.run(_watch(state, url, children, ports, simulator_port, database))
    except (AlreadyRunning, UnusableFolder, PortBusy, EmbeddedPostgresFailed, ProcessFailed) as fault:
        _say(f"csp up --processes: {fault}")
        return 1
    finally:
        _stop(children)
        if database is not None:
            database.stop()
        state.release()


def _ports(gateway: int, first: int) -> dict[str, int]:
    """The services' own ports from the first on, and a clear word now if one of them is in use."""
    ports = {known.name: first + number for number, known in enumerate(SERVICES)} | {"gateway": gateway}
    for name, port in ports.items():
        bind(HOST, port, "CSP_PORT" if name == "gateway" else "CSP_SERVICES_PORT").close()
    return ports


def _environment(
    state: LocalState, url: str, kafka: str, simulator_port: int, ports: Mapping[str, int]
) -> dict[str, str]:
    base = f"http://{HOST}:{simulator_port}"
    return os.environ | {
        "CSP_DATABASE_URL": url,
        "CSP_DATA": str(state.folder),
        "CSP_KAFKA": kafka,
        "CSP_CLOCK": "simulator",
        "CSP_SIMULATOR_URL": base,
        "CSP_SEAL_KEYS": os.environ.get("CSP_SEAL_KEYS") or state.seal_keys(),
        "CSP_PEERS": json.dumps({name: f"http://{HOST}:{port}" for name, port in ports.items()}),
        "CSP_DEVELOPMENT_ISSUER": "true",
        "CSP_REQUESTS_PER_MINUTE": str(DEVELOPMENT_REQUESTS_PER_MINUTE),
        "CSP_LOG_FORMAT": "text",
        "CSP_LOG_LEVEL": os.environ.get("CSP_LOG_LEVEL", "warning"),
        "CSP_MICROSOFT_CLOUD": "simulator",
        "CSP_MICROSOFT_BASE_URL": base,
        "CSP_MICROSOFT_VISIBILITY_MINUTES": "0",
        "CSP_MICROSOFT_LIST_DELAY_MINUTES": "0",
        "CSP_MAIL_PUBLIC_URL": f"http://{HOST}:{ports['gateway']}",
    }


def _start(arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A child in its own session, so that Ctrl-C reaches it through us, in order."""
    return subprocess.Popen(  # noqa: S603 - our own command and arguments
        [sys.executable, "-m", "csp_cli", *arguments],
        env=dict(environment),
        start_new_session=True,
        preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call into libc, no locks
    )


def _end_with_parent() -> None:
    """On Linux the kernel ends a child when we die, however we die."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


async def _watch(
    state: LocalState,
    url: str,
    children: Mapping[str, subprocess.Popen[bytes]],
    ports: Mapping[str, int],
    simulator_port: int,
    database: EmbeddedPostgres | None,
) -> int:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, ending.set)
    began = time.monotonic()
    issuer = DevelopmentIssuer(state.folder)
    await _until_answers(f"http://{HOST}:{ports['provisioning']}/readyz", children, ending)
    if not ending.is_set():
        reseller = await _load_reseller(state, url, issuer, ports, simulator_port)
        for name, port in ports.items():
            await _until_answers(f"http://{HOST}:{port}/readyz", children, ending, what=name)
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{ports['pricing']}") as pricing:
            while not ending.is_set() and not await has_catalogue(reseller, issuer, pricing):
                _raise_if_one_ended(children)
                await asyncio.sleep(0.2)
        state.announce(
            {
                "gateway": f"http://{HOST}:{ports['gateway']}",
                "simulator": f"http://{HOST}:{simulator_port}",
                "reseller_id": reseller.reseller_id,
                "microsoft_tenant_id": reseller.microsoft_tenant_id,
                "pid": os.getpid(),
            }
        )
        _say(
            f"{len(children)} processes are ready ({time.monotonic() - began:.1f} s); DEVELOPMENT TOKENS: csp token"
        )
    while not ending.is_set():
        _raise_if_one_ended(children)
        if database is not None:
            database.start_again_if_ended()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await ending.wait()
    return 0


async def _load_reseller(
    state: LocalState, url: str, issuer: DevelopmentIssuer, ports: Mapping[str, int], simulator_port: int
) -> DemoReseller:
    base = f"http://{HOST}:{simulator_port}"
    box = SecretBox.from_text(os.environ.get("CSP_SEAL_KEYS") or state.seal_keys())
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(url, MICROSOFT_SCHEMA, DatabaseRole.WORKER))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30.0))
        settings = PartnerCenterSettings(cloud=simulator(base))
        client = await stack.enter_async_context(connect(settings, database, SystemClock(), box))
        provisioning = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://{HOST}:{ports['provisioning']}", timeout=30.0)
        )
        return await load_demo_reseller(base, http, client, issuer, provisioning)


async def _until_answers(
    url: str,
    children: Mapping[str, subprocess.Popen[bytes]],
    ending: asyncio.Event | None = None,
    *,
    what: str = "",
) -> None:
    deadline = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(timeout=5.0) as http:
        while ending is None or not ending.is_set():
            _raise_if_one_ended(children)
            with contextlib.suppress(httpx.TransportError):
                answer = await http.get(url)
                if answer.is_success:
                    return
                what = what or f"{what} {answer.text[:300]}"
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{url} is not ready after {START_SECONDS:.0f} s {what}")
            await asyncio.sleep(0.1)


def _raise_if_one_ended(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            raise ProcessFailed(f"{name} ended with status {child.returncode}")


def _stop(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=max(0.05, deadline - time.monotonic()))
    for child in children.values():
        if child.poll() is None:
            child.kill()
            child.wait()


def _say(text: str) -> None:
    print(text, flush=True)
