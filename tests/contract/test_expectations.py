"""What each consumer reads (`expectations/<consumer>.toml`) is what the producers promise, and what its code reads."""

import ast
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from csp_contracts.envelope import Meta
from csp_contracts.registry import published_types
from csp_contracts.schemas import all_schemas
from csp_testing.folders import repository

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


class Reading(ast.NodeVisitor):
    """What a service's code imports from the contracts of others, and every name that it uses."""

    def __init__(self, service: str) -> None:
        self.own = f"csp_contracts.{service.replace('-', '_')}_v1"
        self.classes: set[str] = set()
        self.names: set[str] = set()
        for module in (repository() / "services" / service / "src").rglob("*.py"):
            self.visit(ast.parse(module.read_text(encoding="utf-8")))

    def visit_ImportFrom(self, node):
        module = node.module or ""
        if module.startswith("csp_contracts.") and module.endswith("_v1") and module != self.own:
            self.classes |= {alias.name for alias in node.names}

    def visit_Attribute(self, node):
        self.names.add(node.attr)
        self.generic_visit(node)

    def visit_MatchClass(self, node):
        self.names |= set(node.kwd_attrs)
        self.generic_visit(node)

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            self.names.add(node.value)


@pytest.mark.parametrize("file", EXPECTATIONS, ids=lambda path: path.stem)
def test_a_consumer_writes_down_every_type_of_another_context_that_it_imports(file):
    expectation = tomllib.loads(file.read_text(encoding="utf-8"))
    reading = Reading(file.stem)
    imported = {kind.wire_name for kind in published_types() if kind.cls.__name__ in reading.classes}
    assert set(expectation["reads"]) == imported, f"complete {file.name}"


@pytest.mark.parametrize("file", EXPECTATIONS, ids=lambda path: path.stem)
def test_a_consumer_writes_down_no_field_that_its_code_never_names(file):
    expectation = tomllib.loads(file.read_text(encoding="utf-8"))
    names = Reading(file.stem).names
    unread = [
        f"{wire_name}/{path}"
        for wire_name, paths in expectation["reads"].items()
        for path in paths
        # The id of a stream is read from the envelope as often as from the data.
        if not set(path.split(".")) <= names | {"subscription_id", "user_id", "operation_id"}
    ]
    assert unread == []


def test_every_service_that_reads_others_has_its_file():
    services = {folder.name for folder in (repository() / "services").iterdir() if (folder / "src").is_dir()}
    reading = {name for name in services if Reading(name).classes}
    assert {file.stem for file in EXPECTATIONS} >= reading


def test_every_type_that_money_depends_on_is_read_by_billing():
    billing = next(file for file in EXPECTATIONS if file.stem == "billing")
    reads = tomllib.loads(billing.read_text(encoding="utf-8"))["reads"]
    locked = {
        kind.wire_name for kind in published_types() if kind.wire_name.startswith("csp.pricing.subscription-")
    }
    assert locked <= reads.keys()
