"""Holds what a close has issued to the exact oracle of billing's tests, which shares no code with the core.

Only new-commerce subscriptions are asked about: legacy changes are recognised later than they are owed.
"""

import importlib.util
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg

from csp_contracts.codec import decode_event, decode_meta
from csp_contracts.pricing_v1 import SubscriptionPriceEdited, SubscriptionPriceLocked
from csp_contracts.subscriptions_v1 import (
    QuantityChanged,
    SubscriptionCancelled,
    SubscriptionCreated,
    SubscriptionRenewed,
    SubscriptionSuspended,
)

_ORACLE = Path(__file__).parents[1] / "services" / "billing" / "tests" / "unit" / "oracle.py"
_MICRO = 1_000_000


def disagreements(connection: psycopg.Connection, closed: date, sample: int) -> list[str]:
    """Sales of a sample of subscriptions that are not what the oracle says, when everything before a day is billed."""
    spec = importlib.util.spec_from_file_location("oracle", _ORACLE)
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no {_ORACLE}")
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    found = []
    names = connection.execute(
        "select subscription_id from subscriptions where rule_set = 'nce' order by md5(subscription_id) limit %s",
        [sample],
    ).fetchall()
    for (name,) in names:
        row = connection.execute(
            "select count(*), coalesce(sum(amount_minor), 0)::bigint from report_lines "
            "where subscription_id = %s and ledger = 'sell'",
            [name],
        ).fetchone()
        lines, billed = (0, 0) if row is None else row
        exact = oracle.owed(_story(connection, name), date.fromordinal(closed.toordinal() - 1)) * 100
        if abs(billed - exact) > Fraction(lines, 2):
            found.append(f"{name}: billed {billed}, owed {float(exact):.3f}")
    return found


def _story(connection: psycopg.Connection, name: str) -> dict[str, Any]:
    """A subscription's facts as a story of `csp rate`."""
    price, timeline = "0", []
    rows = connection.execute(
        "select type, data, meta from inbox where subscription_id = %s and type not like '%%cost%%' order by arrival",
        [name],
    )
    for number, (wire_name, data, meta) in enumerate(rows, start=1):
        event = decode_event(wire_name, data)
        on = decode_meta(meta).effective_at.date().isoformat()
        entry: dict[str, Any] = {"seq": number, "recorded_on": on, "effective_on": on, "subscription": "S1"}
        match event:
            case SubscriptionPriceLocked():
                price = str(Fraction(event.unit_price_micro, _MICRO))
                continue
            case SubscriptionRenewed():
                continue  # by the calendar, with nothing new
            case SubscriptionCreated():
                entry |= {"event": "subscription_purchased", "product": "P1", "quantity": event.quantity}
            case QuantityChanged():
                entry |= {"event": "quantity_changed", "quantity": event.quantity}
            case SubscriptionSuspended():
                entry |= {"event": "subscription_suspended"}
            case SubscriptionCancelled():
                entry |= {"event": "subscription_cancelled"}
            case SubscriptionPriceEdited():
                until = None if event.until_on is None else event.until_on.isoformat()
                unit_price = str(Fraction(event.unit_price_micro, _MICRO))
                entry |= {
                    "event": "historic_price_edited",
                    "effective_on": event.from_on.isoformat(),
                    "unit_price": unit_price,
                    "until": until,
                }
            case _:
                raise TypeError(f"the oracle knows nothing of {wire_name}")
        timeline.append(entry)
    return {
        "rule_set": "nce",
        "calendar": {"frequency": "P1M", "anchor": "purchase", "report_close_day": 15},
        "currency": "EUR",
        "minor_digits": 2,
        "prices": [{"product": "P1", "unit_price": price, "per": "P1M", "scope": "global"}],
        "settings": {},
        "timeline": timeline,
        "runs": [],
    }
