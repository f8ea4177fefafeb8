"""The `csp simulator` command."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from csp_partner_center_simulator.catalogue.catalogue import packaged
from csp_partner_center_simulator.catalogue.loading import BadCatalogueFileError, with_files
from csp_partner_center_simulator.simulator import Simulator
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.world import generator
from csp_partner_center_simulator.world.demo import UnfitCatalogueError
from csp_partner_center_simulator.world.facts import BadWorldFileError
from csp_partner_center_simulator.world.worlds import UnknownWorldError

app = typer.Typer(help="Run a local Microsoft Partner Center and Graph.", no_args_is_help=False)


class Latency(StrEnum):
    """How soon changes are visible."""

    FAST = "fast"
    REALISTIC = "realistic"


class Pace(StrEnum):
    """Whether time passes by itself."""

    STILL = "still"
    RUNNING = "running"


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one and prints it.")
    ] = 8787,
    data: Annotated[
        str, typer.Option(help="Folder that keeps the state, or :memory:. What it holds wins over --world.")
    ] = ":memory:",
    profile: Annotated[
        Latency, typer.Option(help="fast: no delays; realistic: seeded delays.")
    ] = Latency.FAST,
    world: Annotated[str, typer.Option(help="demo, empty, or a world file.")] = "demo",
    seed: Annotated[int, typer.Option(help="The same seed gives the same ids and delays.")] = 1,
    clock: Annotated[
        Pace, typer.Option(help="still: moved by the control API; running: real pace.")
    ] = Pace.STILL,
    offers: Annotated[
        Path | None, typer.Option(help="Legacy offers in Microsoft's own JSON (an answer of GET /v1/offers).")
    ] = None,
    legacy_prices: Annotated[
        Path | None,
        typer.Option(help="CSV with offer_id,usd_per_month; replaces the package's legacy prices."),
    ] = None,
    base_url: Annotated[str, typer.Option(help="Where clients reach it, if not at host and port.")] = "",
    open_control: Annotated[  # noqa: FBT002 - a command-line flag
        bool,
        typer.Option("--open-control", help="Let the control API answer other machines too (containers)."),
    ] = False,
) -> None:
    """Run a local Microsoft Partner Center and Graph with a clock that can be moved; Ctrl-C ends it."""
    if context.invoked_subcommand is not None:
        return
    listener = _listen(host, port)
    bound = listener.getsockname()[1]
    address = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
    try:
        simulator = Simulator(
            data=None if data == ":memory:" else Path(data),
            world=world,
            profile="fast" if profile is Latency.FAST else "realistic",
            seed=seed,
            running=clock is Pace.RUNNING,
            base_url=base_url or address,
            catalogue=with_files(packaged(), offers, legacy_prices),
            open_control=open_control,
        )
    except (UnknownWorldError, BadWorldFileError, BadCatalogueFileError, UnfitCatalogueError) as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(2) from None
    asyncio.run(_serve(simulator, listener, address))


@app.command("world")
def write_world(
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")],
    subscriptions: Annotated[
        int, typer.Option(min=0, help="How many subscriptions, spread over the customers.")
    ],
    out: Annotated[Path, typer.Option(help="File to write; gzip when it ends in .gz.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same world.")] = 1,
) -> None:
    """Write a world file for --world: customers, subscriptions of both kinds, users."""
    generator.write(out, customers=customers, subscriptions=subscriptions, seed=seed)
    typer.echo(
        f"{out}: {customers} customers, {subscriptions} subscriptions. Use it with: csp simulator --world {out}"
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Named TCP: else asyncio leaves Nagle's algorithm on, and each answer waits 40 ms between head and body.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as problem:
        typer.echo(
            f"Cannot listen on {host}:{port}: {problem.strerror}. Choose another --port, or 0.", err=True
        )
        raise typer.Exit(1) from None
    return listener


class _Server(uvicorn.Server):
    """Lets those go who follow the clock, so that a signal ends everything within a second."""

    def __init__(self, config: uvicorn.Config, simulator: Simulator) -> None:
        super().__init__(config)
        self._simulator = simulator
        self._loop = asyncio.get_running_loop()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._simulator.clock.release()
        super().handle_exit(sig, frame)


async def _serve(simulator: Simulator, listener: socket.socket, address: str) -> None:
    config = uvicorn.Config(
        simulator.app,
        log_level="warning",
        access_log=False,
        date_header=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
    server = _Server(config, simulator)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event for this
        await asyncio.sleep(0.01)
    if server.started:
        world = simulator.world
        typer.echo(
            f"simulator ready {address} (world {world.name}, profile {world.profile.latency}, clock {instant(world.now.replace(microsecond=0))})"
        )
        sys.stdout.flush()
    await serving
