"""What both surfaces answer is said in their documents: no answer without a shape, every list in the same envelope."""

from functools import cache
from typing import Any

import pytest

from csp_cli.no_tokens import NoTokens
from csp_gateway.api import customer_app, reseller_app

SURFACES = {"reseller": reseller_app, "customer": customer_app}
# JSON that others make: CloudEvents' data, a problem's own fields, what a row of history changed.
FREE = {"Event", "Problem", "InvalidParameter"}
FREE_FIELDS = {"details", "problem", "data"}


@cache
def document(surface: str) -> dict[str, Any]:
    published: dict[str, Any] = SURFACES[surface](NoTokens(), None).openapi()
    return published


def json_answers(surface: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Method and path, status, schema of every success that is JSON."""
    return [
        (f"{method.upper()} {path}", status, answer["content"]["application/json"]["schema"])
        for path, operations in document(surface)["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if status[0] == "2" and "application/json" in answer.get("content", {})
    ]


def resolved(surface: str, schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    return document(surface)["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_every_answer_has_a_shape_of_its_own(surface):
    answers = json_answers(surface)
    assert len(answers) > 30
    for route, status, schema in answers:
        assert "$ref" in schema, f"{route} {status} answers {schema}"
        assert resolved(surface, schema).get("properties"), f"{route} {status}"


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_no_answer_has_a_field_that_may_be_anything(surface):
    for name, schema in document(surface)["components"]["schemas"].items():
        if name in FREE:
            continue
        for field, shape in schema.get("properties", {}).items():
            for each in (shape, *shape.get("anyOf", ()), shape.get("items", {})):
                is_free = each.get("type") == "object" and each.get("additionalProperties") is True
                assert field in FREE_FIELDS or not is_free, f"{name}.{field}"


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_every_list_comes_in_pages_that_name_the_next(surface):
    found = 0
    for path, operations in document(surface)["paths"].items():
        operation = operations.get("get")
        if operation is None or not operation["operationId"].startswith("list_") or path == "/events":
            continue
        found += 1
        schema = resolved(surface, operation["responses"]["200"]["content"]["application/json"]["schema"])
        assert {"data", "meta"} <= set(schema["properties"]), path
        parameters = {each["name"] for each in operation["parameters"]}
        assert {"page[size]", "page[after]"} <= parameters, path
    assert found > 8


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_no_answer_is_a_bare_list(surface):
    assert [route for route, _, schema in json_answers(surface) if schema.get("type") == "array"] == []
