"""Does what is due: in order of due time, each with its consequences, while the clock moves."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import instant

TOGETHER = 32  # deliveries posted at a time
BATCH = 200  # tasks between two looks at other requests
OUTSIDE = frozenset({"webhook.deliver", "graph.notify"})


class Runner:
    """Runs the agenda. Tasks that call the outside are awaited; all others are done in one go each."""

    def __init__(self, world: World, outside: dict[str, Callable[[Task], Awaitable[None]]]) -> None:
        self._world = world
        self._outside = outside
        self._moving = asyncio.Lock()

    async def advance(self, to: datetime) -> list[dict[str, Any]]:
        """Move the clock to a time, doing what is due on the way; tell what was done."""
        async with self._moving:
            return await self._run(to, move=True)

    async def until_idle(self, most: int = 100_000) -> list[dict[str, Any]]:
        """Move the clock until nothing is settling any more (orders, provisioning, delivery, delays, exports)."""
        ran: list[dict[str, Any]] = []
        async with self._moving:
            for _ in range(most):
                pending = min((task.at for task in self._world.agenda.settling()), default=None)
                if pending is None:
                    break
                ran += await self._run(max(pending, self._world.now), move=True)
        return ran

    async def run_due(self) -> None:
        """Do what is due now, without moving a standing clock."""
        async with self._moving:
            await self._run(self._world.now, move=False)

    async def _run(self, to: datetime, *, move: bool) -> list[dict[str, Any]]:
        world, ran, count = self._world, [], 0
        while (task := world.agenda.next()) is not None and task.at <= to:
            if move and task.at > world.now:
                world.clock.set(task.at)
            if task.what in OUTSIDE:
                ran += await self._call_outside(task)
                continue
            with world.transaction():
                for _ in range(BATCH):
                    ran.append(told(task))
                    run_one(world, task)
                    count += 1
                    following = world.agenda.next()
                    if following is None or following.at > world.now or following.what in OUTSIDE:
                        break
                    task = following
            await asyncio.sleep(0)
        if move and to > world.now:
            world.clock.set(to)
        if move and world.store is not None:
            with world.transaction():
                world.keep_time()
        return ran

    async def _call_outside(self, first: Task) -> list[dict[str, Any]]:
        tasks = [first]
        world = self._world
        due = sorted(
            (
                task
                for task in world.tasks
                if task.what in OUTSIDE and task.at <= world.now and task.id != first.id
            ),
            key=lambda task: (task.at, task.number),
        )
        tasks += due[: TOGETHER - 1]
        await asyncio.gather(*(self._outside[task.what](task) for task in tasks))
        return [told(task) for task in tasks]


def run_one(world: World, task: Task) -> None:
    """Take a task off the agenda and do it."""
    world.agenda.remove(task.id)
    handler = world.handlers.get(task.what)
    if handler is not None:
        handler(world, task)


def run_until(world: World, to: datetime) -> None:
    """Move the clock without calling the outside: for building worlds with a past."""
    while (task := world.agenda.next()) is not None and task.at <= to:
        if task.at > world.now:
            world.clock.set(task.at)
        run_one(world, task)
    if to > world.now:
        world.clock.set(to)


def told(task: Task) -> dict[str, Any]:
    """Tell what was done."""
    said: dict[str, Any] = {"at": instant(task.at), "what": task.what}
    if task.customer_id:
        said["customer_id"] = task.customer_id
    if task.subscription_id:
        said["subscription_id"] = task.subscription_id
    return said
