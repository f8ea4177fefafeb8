"""A task that was asked to end ends, even if what it waited for at that moment swallowed the request.

In Python 3.11 `asyncio.wait_for`, and with it the connection pool, drops a cancellation that comes together with the result.
"""

import asyncio


def end_if_asked() -> None:
    """To be called once a round by whoever works in an endless loop that `rounds.for_ever` does not fit.

    Raises `asyncio.CancelledError` in a task that is being cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
