"""What a release may change in the contract: new types and new optional fields. Everything else breaks a reader."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_PROSE = frozenset({"title", "description", "$schema", "$id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One refused change: where (`<wire name>` or `<wire name>/<field>/…`) and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def breaks(released: dict[str, Json], now: dict[str, Json]) -> list[Break]:
    """Every refused difference between the released schemas and today's, both by wire name."""
    found: list[Break] = []
    for wire_name, old in sorted(released.items()):
        if wire_name not in now:
            found.append(Break(where=wire_name, what="the type was removed"))
        else:
            found.extend(_type_breaks(wire_name, old, now[wire_name]))
    return found


def _type_breaks(wire_name: str, old: Json, new: Json) -> Iterator[Break]:
    for promise in ("x-csp-stream", "x-csp-visibility"):
        if old.get(promise) != new.get(promise):
            what = f"{promise[6:]} changed from {old.get(promise)} to {new.get(promise)}"
            yield Break(where=wire_name, what=what)
    yield from _compare(wire_name, _Schema(old, old.get("$defs", {})), _Schema(new, new.get("$defs", {})))


@dataclass(frozen=True, slots=True)
class _Schema:
    """A schema node with the definitions its references point into."""

    node: Json
    definitions: Json

    def resolved(self) -> Json:
        node = self.node
        while "$ref" in node:
            node = self.definitions[node["$ref"].rpartition("/")[2]]
        return node

    def child(self, node: Json) -> "_Schema":
        return _Schema(node, self.definitions)


def _compare(where: str, old_schema: _Schema, new_schema: _Schema) -> Iterator[Break]:
    old, new = old_schema.resolved(), new_schema.resolved()
    if "properties" in old and "properties" in new:
        yield from _object_breaks(where, old_schema, new_schema)
        return
    old_rules, new_rules = _rules(old), _rules(new)
    if old_rules != new_rules:
        yield Break(where=where, what=f"changed from {old_rules} to {new_rules}")
        return
    for part in ("items", "additionalProperties"):
        if isinstance(old.get(part), dict):
            yield from _compare(f"{where}/*", old_schema.child(old[part]), new_schema.child(new[part]))
    for before, after in zip(old.get("anyOf", ()), new.get("anyOf", ()), strict=True):
        yield from _compare(where, old_schema.child(before), new_schema.child(after))


def _object_breaks(where: str, old_schema: _Schema, new_schema: _Schema) -> Iterator[Break]:
    old, new = old_schema.resolved(), new_schema.resolved()
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    for name, node in old["properties"].items():
        field = f"{where}/{name}"
        if name not in new["properties"]:
            yield Break(where=field, what="the field was removed or renamed")
            continue
        if name in was_required and name not in is_required:
            yield Break(where=field, what="was required and may now be absent")
        if name not in was_required and name in is_required:
            yield Break(where=field, what="was optional and is now required")
        yield from _compare(field, old_schema.child(node), new_schema.child(new["properties"][name]))
    for name in sorted(new["properties"].keys() - old["properties"].keys()):
        if name in is_required:
            yield Break(where=f"{where}/{name}", what="a new field must be optional")


def _rules(node: Json) -> Json:
    """What binds a value at this node itself: no prose; nested schemas only by their presence and number."""
    rules: Json = {}
    for key, value in node.items():
        if key in _PROSE:
            continue
        if key == "anyOf":
            rules[key] = len(value)
        elif key in {"additionalProperties", "items"}:
            rules[key] = "schema" if isinstance(value, dict) and value else value
        else:
            rules[key] = value
    return rules
