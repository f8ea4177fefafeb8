"""Random orders of steps on a stage, each judged once everything has come to rest."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from csp_testing.interleaving import Budget, Stage, set_up

CASES_OF_A_WORLD = 40
"""What is left over makes a world slower with each case."""

# A failing order is told as it is: shrinking takes longer than the gate has.
_SETTINGS = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@dataclass
class Explored(Stage):
    """A stage whose steps are methods; some of them are the same whoever owns what is explored."""

    owner: ClassVar[str]
    pause: ClassVar[str] = "PT13H"
    """Between two looks while everything comes to rest: notifications take two days at most, records six hours."""

    async def step(self, name: str, *values: Any) -> None:
        """A step, and a look at what happened by it."""
        await getattr(self, name)(*values)
        self.watch()

    def watch(self) -> None:
        """See what has happened at Microsoft since the last look."""

    async def settle(self) -> None:
        """Let everything come to rest: the faults are over, time passes, and all is learned and carried out."""
        await self.control("DELETE", "/faults")
        for _ in range(5):
            await self.advance(self.pause)
            await self.work(self.owner, passes=10_000)
            self.watch()
            await self.learn()
            await self.own()

    async def story(self, operation: str) -> list[Any]:
        """What the events of one of the owner's operations tell."""
        store = self.services[self.owner].store
        assert store is not None
        return [event.data for event in await store.load(operation)]

    async def learn(self) -> None:
        """The owner learns by every way what has happened at Microsoft."""

    async def settle_open(self) -> None:
        """The owner carries out what it has begun."""
        await self.work(self.owner)

    async def die(self) -> None:
        """The owner dies on the way."""
        await self.crash(self.owner)

    async def ask_again(self) -> None:
        """The owner asks for the readings that did not count."""
        await self.rereads(self.owner)

    async def some(self, limit: int) -> None:
        """So many observations reach the owner."""
        await self.deliver(self.owner, f"{self.owner}.observations", limit)


@contextlib.contextmanager
def world_of(
    stage: Callable[..., Any],
    owners: Sequence[Any],
    server: str,
    folder: Path,
    runner: asyncio.Runner,
    **profile: Any,
) -> Iterator[Any]:
    """A prepared stage with these owners, under a profile of the simulator."""
    stack = contextlib.AsyncExitStack()
    try:
        made = runner.run(set_up(stage, server, folder, owners, stack))
        runner.run(made.prepare())
        runner.run(made.control("PATCH", "/profile", {"requests_per_minute": 100_000, **profile}))
        yield made
    finally:
        runner.run(stack.aclose())


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """What is tried on which stage, and who judges it.

    `judge` plays the steps of a case and asserts; it returns how many facts were told. `least` facts a case on average show
    that the orders did something at all. `Any`: stages, and strategies of steps.
    """

    stage: Callable[..., Any]
    owners: Sequence[Any]
    steps: Any
    shortest: int
    judge: Callable[[Any, Callable[..., Any], list[tuple[Any, ...]]], int]
    least: float

    def quick(
        self, server: str, folder: Path, runner: asyncio.Runner, latency: str, *, cases: int, longest: int
    ) -> None:
        """The same few orders each time."""
        how = settings(_SETTINGS, max_examples=cases)
        self._explore(server, folder, runner, latency, how, Budget(minutes=60), longest)

    def wide(self, server: str, folder: Path, runner: asyncio.Runner, latency: str) -> int:
        """Hundreds of orders, others each time, a new world for every forty; returns how many there was time for."""
        budget = Budget(minutes=8)
        while budget.cases < 400 and not budget.is_over:
            how = settings(_SETTINGS, max_examples=CASES_OF_A_WORLD, derandomize=False)
            self._explore(server, folder, runner, latency, how, budget, longest=40)
        print(f"{budget.cases} orders, {latency}")  # noqa: T201  # shown by `-s` and on failure
        return budget.cases

    @contextlib.contextmanager
    def world(
        self, server: str, folder: Path, runner: asyncio.Runner, latency: str, **profile: Any
    ) -> Iterator[Any]:
        """A stage that is ready for cases, under a profile of the simulator."""
        with world_of(self.stage, self.owners, server, folder, runner, latency=latency, **profile) as stage:
            yield stage

    def _explore(
        self,
        server: str,
        folder: Path,
        runner: asyncio.Runner,
        latency: str,
        how: settings,
        budget: Budget,
        longest: int,
    ) -> None:
        facts = 0
        with self.world(server, folder, runner, latency) as stage:

            @how
            @given(st.lists(self.steps, min_size=self.shortest, max_size=longest))
            def any_order(steps: list[tuple[Any, ...]]) -> None:
                nonlocal facts
                if budget.begins():
                    facts += self.judge(stage, runner.run, steps)

            any_order()
            if not budget.is_over:
                assert facts >= self.least * how.max_examples
