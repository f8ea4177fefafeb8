"""What each consumer reads (`expectations/<consumer>.toml`) is what the producers promise."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from csp_contracts.envelope import Meta
from csp_contracts.registry import published_types
from csp_contracts.schemas import all_schemas

EXPECTATIONS = sorted((Path(__file__).parent / "expectations").glob("*.toml"))


def missing(expectation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """Every type and field that a consumer reads and nobody publishes."""
    lost = [
        f"meta.{name}" for name in expectation["meta"] if name not in {field.name for field in fields(Meta)}
    ]
    for wire_name, paths in expectation["reads"].items():
        if wire_name not in schemas:
            lost.append(wire_name)
        else:
            schema = schemas[wire_name]
            lost += [
                f"{wire_name}/{path}"
                for path in paths
                if not exists(path.split("."), schema, schema["$defs"])
            ]
    return lost


def exists(path: list[str], node: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Whether a dotted path leads to a field; lists and nullable objects are walked through."""
    while "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    if not path:
        return True
    if "properties" in node:
        name, *rest = path
        return name in node["properties"] and exists(rest, node["properties"][name], definitions)
    inner = [*node.get("anyOf", []), *([node["items"]] if "items" in node else [])]
    return any(exists(path, part, definitions) for part in inner)


@pytest.mark.parametrize("file", EXPECTATIONS, ids=lambda path: path.stem)
def test_everything_a_consumer_reads_is_published(file):
    expectation = tomllib.loads(file.read_text(encoding="utf-8"))
    assert expectation["consumer"] == file.stem
    assert missing(expectation, all_schemas()) == []


def test_a_consumer_that_reads_what_nobody_publishes_is_found():
    expectation = {
        "meta": ["reseller", "shoe_size"],
        "reads": {
            "csp.subscriptions.quantity-changed.v1": [
                "quantity",
                "seat_lots.quantity",
                "seat_lots.colour",
                "price",
            ],
            "csp.subscriptions.quantity-guessed.v1": ["quantity"],
        },
    }
    assert missing(expectation, all_schemas()) == [
        "meta.shoe_size",
        "csp.subscriptions.quantity-changed.v1/seat_lots.colour",
        "csp.subscriptions.quantity-changed.v1/price",
        "csp.subscriptions.quantity-guessed.v1",
    ]


def test_every_type_that_money_depends_on_is_read_by_billing():
    billing = next(file for file in EXPECTATIONS if file.stem == "billing")
    reads = tomllib.loads(billing.read_text(encoding="utf-8"))["reads"]
    locked = {
        kind.wire_name for kind in published_types() if kind.wire_name.startswith("csp.pricing.subscription-")
    }
    assert locked <= reads.keys()
