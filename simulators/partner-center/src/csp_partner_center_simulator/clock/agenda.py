"""What is due when: tasks in a table, found through a heap."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime

from csp_partner_center_simulator.state.logs import Task
from csp_partner_center_simulator.state.table import Row, Table

# `idle` waits for these; renewals, charges, expiry and invoices do not count (PC 14.2, 14.3).
SETTLING = frozenset(
    {
        "order.provisioned",
        "subscription.visible",
        "subscription.rollback",
        "customer.usable",
        "audit.listed",
        "webhook.raise",
        "webhook.deliver",
        "graph.notify",
        "export.step",
        "migration.step",
        "transfer.step",
    }
)


class Agenda:
    """Tasks in order of their due time, then of their making; a task replaced or removed is skipped."""

    def __init__(self, table: Table[Task]) -> None:
        self._table = table
        self._heap: list[tuple[datetime, int, str]] = []

    def rebuild(self) -> None:
        """Read the heap anew from the table (after a start or a restore)."""
        self._heap = [(task.at, task.number, task.id) for task in self._table]
        heapq.heapify(self._heap)

    def add(self, task: Task) -> None:
        """Put a task on the agenda; one with the same id is replaced."""
        self._table.put(task)
        heapq.heappush(self._heap, (task.at, task.number, task.id))

    def recall(self, rows: Iterable[Row]) -> None:
        """Put tasks back that an undone transaction had taken off."""
        for row in rows:
            if isinstance(row, Task):
                heapq.heappush(self._heap, (row.at, row.number, row.id))

    def remove(self, task_id: str) -> None:
        """Take a task off the agenda."""
        self._table.remove(task_id)

    def next(self) -> Task | None:
        """Give the task that is due first, leaving it on the agenda."""
        while self._heap:
            at, number, task_id = self._heap[0]
            task = self._table.get(task_id)
            if task is not None and task.at == at and task.number == number:
                return task
            heapq.heappop(self._heap)
        return None

    def settling(self) -> Iterator[Task]:
        """Give the pending tasks that `idle` waits for."""
        return (task for task in self._table if task.what in SETTLING)
