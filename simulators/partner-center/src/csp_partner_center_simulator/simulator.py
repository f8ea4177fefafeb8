"""Puts the parts together: one world, Microsoft's surfaces, the control API, and what runs beside them."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from starlette.types import ASGIApp

from csp_partner_center_simulator.auth.tokens import TokenIssuer
from csp_partner_center_simulator.catalogue.catalogue import Catalogue, packaged
from csp_partner_center_simulator.clock.clock import Clock
from csp_partner_center_simulator.clock.runner import Runner
from csp_partner_center_simulator.commerce import handlers
from csp_partner_center_simulator.control.app import control_app
from csp_partner_center_simulator.graph import notifications
from csp_partner_center_simulator.routes import ROUTES
from csp_partner_center_simulator.state.keys import Keys
from csp_partner_center_simulator.state.profile import WRITE_ANSWER, Channels, Profile
from csp_partner_center_simulator.state.store import Store
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.webhooks.certificates import Authority, authority
from csp_partner_center_simulator.webhooks.delivery import Deliverer
from csp_partner_center_simulator.wire.app import Microsoft
from csp_partner_center_simulator.wire.exchange import Receive, Scope, Send
from csp_partner_center_simulator.wire.faults import Faults
from csp_partner_center_simulator.wire.recorder import Recorder
from csp_partner_center_simulator.wire.router import Router
from csp_partner_center_simulator.wire.throttle import Throttle
from csp_partner_center_simulator.world import worlds

START = datetime(2026, 1, 1, tzinfo=UTC)
SAFELY_LATER = timedelta(seconds=5)


class Simulator:
    """A Microsoft of one's own. `app` is the ASGI application; `start` and `stop` run what lives beside it."""

    def __init__(
        self,
        *,
        data: Path | None,
        world: str,
        profile: Literal["fast", "realistic"],
        seed: int,
        running: bool,
        base_url: str,
        catalogue: Catalogue | None = None,
        open_control: bool = False,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.open_control = open_control
        self.store = Store(data) if data is not None else None
        self.keys = Keys(data)
        self._defaults = Profile(latency=profile, seed=seed, write_answer=WRITE_ANSWER[profile])
        self.clock = Clock(START, running=False)
        self._running = running
        self.world = World(catalogue=catalogue or packaged(), clock=self.clock, store=self.store, seed=seed)
        handlers.register(self.world)
        self.faults = Faults(seed)
        self.recorder = Recorder()
        self.throttle = Throttle()
        self.issuer = TokenIssuer(self.keys.token_key)
        self._authority: Authority | None = None
        self.deliverer = Deliverer(self.world, self.authority, lambda: self.base_url)
        self.runner = Runner(
            self.world, {"webhook.deliver": self.deliverer.deliver, "graph.notify": self.deliverer.deliver}
        )
        if not self.world.load():
            self.fill(world, None)
        elif running:
            # The time is stored once a second: whoever followed it before a crash must not see it go back.
            self.clock.set(self.clock.now() + SAFELY_LATER)
        self.clock.running = running
        self.clock.set(self.clock.now())
        microsoft = Microsoft(
            self.world,
            self.issuer,
            Router(ROUTES),
            faults=self.faults,
            recorder=self.recorder,
            throttle=self.throttle,
            base_url=lambda: self.base_url,
            preparations={"graph.subscriptions.create": notifications.validate},
        )
        self.app = Application(self, microsoft, control_app(self))
        self._wake = asyncio.Event()
        self._kept_at = 0.0
        self._pump: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.world.on_commit.append(self._something_changed)

    def authority(self) -> Authority:
        """Give the webhook certificates; made when first needed, valid by the real clock."""
        if self._authority is None:
            self._authority = authority(self.keys.root_key, self.keys.signing_key, datetime.now(UTC))
        return self._authority

    def fill(self, name: str, now: datetime | None) -> None:
        """Start a world anew: state, profile, channels, faults, counts and recorded requests."""
        world = self.world
        running, before = self.clock.running, world.memory()
        self.clock.running = False
        world.clear()
        world.name, world.seed = name, self._defaults.seed
        world.profile, world.channels = Profile(seed=self._defaults.seed), Channels()
        try:
            worlds.build(world, name, now or START)
        except Exception:
            world.recall(before)  # a world that cannot be built leaves the old one as it was
            self.clock.running = running
            raise
        world.profile = self._defaults
        self.faults.clear()
        self.recorder.clear()
        self.throttle.clear()
        world.save_all()
        self.clock.running = running
        self.clock.set(self.clock.now() if not running else world.now)

    async def start(self) -> None:
        """Start delivering webhooks and, with a running clock, doing what falls due."""
        if self._pump is None:
            self._loop = asyncio.get_running_loop()
            self._wake = asyncio.Event()
            self._wake.set()
            self._pump = asyncio.create_task(self._work(), name="simulator agenda")

    async def stop(self) -> None:
        """Stop what was started and close the store; everything acknowledged is stored already."""
        self.clock.release()
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump
            self._pump = None
        await self.deliverer.close()
        if self.store is not None:
            with self.world.transaction():
                self.world.keep_time()
            self.store.close()
            self.world.store = self.store = None

    async def wait_ready(self) -> None:
        """Return when requests can be answered: the world is there once this object is."""

    async def _work(self) -> None:
        while True:
            await self.runner.run_due()
            self._keep_time()
            self._wake.clear()
            following = self.world.agenda.next()
            wait: float | None = None
            if self.clock.running:
                wait = 1.0
                if following is not None:
                    wait = min(1.0, max(0.01, (following.at - self.clock.now()).total_seconds()))
            elif following is not None and following.at <= self.clock.now():
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    def _keep_time(self) -> None:
        """Store a running clock once a second, so that a restart goes on where it stopped."""
        if self.clock.running and self.store is not None and time.monotonic() - self._kept_at >= 1.0:
            self._kept_at = time.monotonic()
            with self.world.transaction():
                self.world.keep_time()

    def _something_changed(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)


class Application:
    """The ASGI application: the control API below `/_control`, Microsoft everywhere else."""

    def __init__(self, simulator: Simulator, microsoft: Microsoft, control: ASGIApp) -> None:
        self._simulator = simulator
        self._microsoft = microsoft
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or follow the server's start and stop."""
        match scope["type"]:
            case "lifespan":
                await self._lifespan(receive, send)
            case "http" if _is_control(scope["path"]):
                await self._control(scope, receive, send)
            case "http":
                await self._microsoft(scope, receive, send)
            case _:
                await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._simulator.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._simulator.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _is_control(path: str) -> bool:
    first = next((part for part in path.split("/") if part), "")
    return first == "_control"
