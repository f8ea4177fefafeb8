"""A start is refused where the clock is behind what is recorded: time would run backwards in the streams."""

from datetime import datetime

import msgspec
import psycopg

from csp_cli.services import SERVICES
from csp_contracts.codec import decode_meta, split_state
from csp_contracts.errors import ContractError


class ClockBehind(Exception):
    """The simulator was reset, and the platform's data was not."""

    code = "clock-behind"


def newest_recorded(url: str) -> datetime | None:
    """The newest `recorded_at` of any service's newest event."""
    newest: datetime | None = None
    with psycopg.connect(url, autocommit=True) as connection:
        for known in SERVICES:
            schema = known.load().SCHEMA
            row = connection.execute(
                f"select state from {schema}.{schema}_events order by notification_id desc limit 1".encode()
            ).fetchone()
            if row is None:
                continue
            try:
                at = decode_meta(split_state(bytes(row[0])).meta).recorded_at
            except (ContractError, msgspec.MsgspecError):
                continue
            newest = at if newest is None else max(newest, at)
    return newest


def refuse_a_clock_that_is_behind(url: str, now: datetime) -> None:
    """Raise `ClockBehind` where the newest event lies in the clock's future."""
    newest = newest_recorded(url)
    if newest is not None and newest > now:
        raise ClockBehind(
            f"the clock shows {now:%Y-%m-%d %H:%M} but events are recorded up to {newest:%Y-%m-%d %H:%M}: "
            "the simulator's data is older than the platform's. Remove the whole data folder, or neither."
        )
