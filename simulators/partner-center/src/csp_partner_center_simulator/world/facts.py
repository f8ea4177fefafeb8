"""Reads a world from a file: partners, customers, subscriptions and users as plain facts.

The file is JSON Lines (gzip when it ends in `.gz`), one fact a line, `kind` first: `partner`, `customer`,
`subscription`, `user`. `csp simulator world` writes such files; people can write them by hand.
"""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from csp_partner_center_simulator.state.customers import Customer
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.errors import ApiError
from csp_partner_center_simulator.world.making import Maker
from csp_partner_center_simulator.world.partners import make


class BadWorldFileError(ValueError):
    """A line of the file cannot be used; the message names line and field."""


def build(world: World, path: Path, now: datetime) -> None:
    """Fill the world from a file; subscriptions start as many days before `now` as they say."""
    makers: dict[str, Maker] = {}
    homes: dict[str, tuple[Maker, Customer]] = {}
    bought: dict[str, Subscription] = {}
    later: list[tuple[datetime, int, dict[str, Any]]] = []
    for number, fact in enumerate(_lines(path), 1):
        at = now - timedelta(days=int(fact.get("days_ago", 0)))
        later.append((at, number, fact))
    later.sort(key=lambda one: (one[0], one[1]))
    if later:
        world.clock.set(later[0][0].astimezone(UTC))
    for at, number, fact in later:
        if at > world.now:
            next(iter(makers.values())).at(at)
        if number % 1000 == 0:
            world.settle()
        try:
            _apply(world, fact, makers, homes, bought)
        except (KeyError, StopIteration) as missing:
            raise BadWorldFileError(f"{path}:{number}: {missing} is missing or names nothing.") from None
        except (ApiError, ValueError, TypeError, AttributeError) as problem:
            raise BadWorldFileError(f"{path}:{number}: {problem}") from None
    if makers:
        next(iter(makers.values())).at(now)


def _apply(
    world: World,
    fact: dict[str, Any],
    makers: dict[str, Maker],
    homes: dict[str, tuple[Maker, Customer]],
    bought: dict[str, Subscription],
) -> None:
    match fact["kind"]:
        case "partner":
            partner = make(
                world,
                fact["name"],
                fact.get("country", "US"),
                currency=fact.get("currency", ""),
                billing_day=fact.get("billing_day", 15),
            )
            makers[fact.get("key", fact["name"])] = Maker(world, partner)
        case "customer":
            maker = makers[fact["partner"]]
            customer = maker.customer(
                fact["name"],
                fact["domain"].removesuffix(".onmicrosoft.com"),
                fact.get("country", "US"),
                fact.get("city", "Seattle"),
                fact.get("postal_code", "98101"),
                state=fact.get("state", "WA" if fact.get("country", "US") == "US" else ""),
            )
            homes[fact.get("key", fact["domain"])] = (maker, customer)
        case "subscription":
            maker, customer = homes[fact["customer"]]
            one = maker.buy(
                customer,
                fact["item"],
                int(fact["quantity"]),
                term=fact.get("term", ""),
                cycle=fact.get("billing_cycle", "monthly"),
            )
            if "key" in fact:
                bought[fact["key"]] = one
        case "user":
            maker, customer = homes[fact["customer"]]
            first, _, last = fact["name"].partition(" ")
            maker.user(customer, first, last, *(bought[key] for key in fact.get("licenses", ())))
        case other:
            raise KeyError(f"kind {other}")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            fact = json.loads(line)
        except ValueError:
            raise BadWorldFileError(f"{path}:{number}: not a JSON object.") from None
        yield fact
