"""Writes world files of any size: customers with names, subscriptions of both kinds, users (PC 14.1)."""

import gzip
import json
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from random import Random
from typing import Any

FIRST = (
    "Harbor",
    "Cedar",
    "Summit",
    "River",
    "Maple",
    "Granite",
    "Prairie",
    "Coral",
    "Amber",
    "Birch",
    "Falcon",
    "Juniper",
)
SECOND = (
    "Dental",
    "Logistics",
    "Design",
    "Legal",
    "Foods",
    "Energy",
    "Clinic",
    "Media",
    "Travel",
    "Schools",
    "Systems",
    "Works",
)
GIVEN = ("Maya", "Owen", "Ivy", "Noah", "Ella", "Liam", "Zoe", "Jonas", "Lena", "Ruth", "Kai", "Nora")
FAMILY = (
    "Lopez",
    "Clark",
    "Nguyen",
    "Reed",
    "Stone",
    "Frost",
    "Hart",
    "Meyer",
    "Fischer",
    "Bell",
    "Park",
    "Silva",
)
# (item, term, billing cycle, most seats, share): products every book has, none needs another.
NEW_COMMERCE = (
    ("CFQ7TTC0LH18:0001", "P1Y", "monthly", 40, 30),
    ("CFQ7TTC0LDPB:0001", "P1Y", "monthly", 40, 25),
    ("CFQ7TTC0LCHC:0002", "P1Y", "annual", 30, 15),
    ("CFQ7TTC0LDPB:0001", "P1M", "monthly", 15, 15),
    ("CFQ7TTC0LH18:0001", "P1M", "monthly", 10, 15),
)
LEGACY = ("796B6B5F-613C-4E24-A17C-EBA730D49C02", "2B3B8D2D-10AA-4BE4-B5FD-7F2FEB0C3091")
MOST_OF_ONE_SKU = 250  # small-business SKUs allow 300 seats a tenant


def write(path: Path, *, customers: int, subscriptions: int, seed: int) -> None:
    """Write a world; the same numbers and seed give the same file. Gzip when the name ends in `.gz`."""
    with path.open("wb") as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, compresslevel=5) as packed:
                _lines(packed, customers, subscriptions, seed)
        else:
            _lines(raw, customers, subscriptions, seed)


def _lines(stream: Any, customers: int, subscriptions: int, seed: int) -> None:
    text = TextIOWrapper(stream, encoding="utf-8", newline="\n", write_through=True)
    for fact in facts(customers=customers, subscriptions=subscriptions, seed=seed):
        text.write(json.dumps(fact, separators=(",", ":")) + "\n")
    text.flush()
    text.detach()


def facts(*, customers: int, subscriptions: int, seed: int) -> Iterator[dict[str, Any]]:
    """Give the facts of a book: one partner, its customers, their subscriptions and some users."""
    random = Random(seed)
    yield {
        "kind": "partner",
        "key": "p",
        "name": "Generated Cloud Reseller",
        "country": "US",
        "billing_day": 15,
        "days_ago": 120,
    }
    shares = _shares(random, customers, subscriptions)
    for number in range(customers):
        days = random.randint(5, 119)
        name = f"{random.choice(FIRST)} {random.choice(SECOND)} {number + 1}"
        key = f"c{number}"
        domain = "".join(name.lower().split()) + f"x{seed}.onmicrosoft.com"
        yield {
            "kind": "customer",
            "key": key,
            "partner": "p",
            "name": name,
            "domain": domain,
            "days_ago": days,
        }
        yield from _subscriptions(random, key, shares[number], days)
        for person in range(random.randint(1, 3)):
            full = f"{GIVEN[(number + person) % 12]} {random.choice(FAMILY)}{person}"
            licenses = [f"{key}s0"] if shares[number] else []
            yield {"kind": "user", "customer": key, "name": full, "licenses": licenses, "days_ago": 0}


def _shares(random: Random, customers: int, subscriptions: int) -> list[int]:
    """Spread the subscriptions unevenly, as books are: few customers have many."""
    weights = [random.paretovariate(1.6) for _ in range(customers)]
    whole = sum(weights) or 1.0
    shares = [int(subscriptions * weight / whole) for weight in weights]
    left = subscriptions - sum(shares)
    for number in range(left):
        shares[number % customers] += 1
    return shares


def _subscriptions(random: Random, key: str, count: int, days: int) -> Iterator[dict[str, Any]]:
    seats: dict[str, int] = {}
    for number in range(count):
        fact = {
            "kind": "subscription",
            "key": f"{key}s{number}",
            "customer": key,
            "days_ago": random.randint(1, days),
        }
        [(item, term, cycle, most, _)] = random.choices(NEW_COMMERCE, [one[4] for one in NEW_COMMERCE])
        quantity = random.randint(1, most) if number else 5
        if number % 5 == 4 or seats.get(item, 0) + quantity > MOST_OF_ONE_SKU:
            yield {
                **fact,
                "item": random.choice(LEGACY),
                "quantity": random.randint(1, 60),
                "billing_cycle": "monthly",
            }
            continue
        seats[item] = seats.get(item, 0) + quantity
        yield {**fact, "item": item, "quantity": quantity, "term": term, "billing_cycle": cycle}
