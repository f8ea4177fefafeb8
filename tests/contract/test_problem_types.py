"""Each problem type is raised somewhere and stands on a page; nothing is raised that is not in the registry."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from csp_runtime.problem_types import PROBLEM_TYPES, as_page
from csp_runtime.problems import Problem

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("libs", "services")
    for path in (ROOT / folder).glob("*/src/**/*.py")
    if path.name != "problem_types.py"
)
RAISED_BY = {"Problem": 0, "Refused": 0, "_refused": 1}
"""Callables, and which of their arguments is a type."""


def raised(tree: ast.AST) -> Iterator[str]:
    """The types that a module names in so many words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED_BY:
            place = RAISED_BY[node.func.id]
            if len(node.args) > place and isinstance(node.args[place], ast.Constant):
                yield node.args[place].value


def constants(tree: ast.AST) -> Iterator[str]:
    """Every text of a module: types that a class or a table names reach a problem by their variable."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.fixture(scope="module")
def trees():
    return {path: ast.parse(path.read_text()) for path in SOURCES}


def test_every_type_is_raised_somewhere(trees):
    said = {text for tree in trees.values() for text in constants(tree)}
    assert set(PROBLEM_TYPES) - said == set()


def test_nothing_is_raised_that_is_not_in_the_registry(trees):
    # An invoice file's faults (`csp_billing.invoices`) are rules of a field, not types.
    strange = {
        (path.name, code)
        for path, tree in trees.items()
        if "invoices" not in path.parts
        for code in raised(tree)
        if code not in PROBLEM_TYPES
    }
    assert strange == set()


def test_the_page_is_the_registry():
    assert (ROOT / "docs/problems.md").read_text() == as_page(), (
        "python -m csp_runtime.problem_types > docs/problems.md"
    )


@pytest.mark.parametrize("name", sorted(PROBLEM_TYPES))
def test_a_problem_of_each_type_is_a_document_that_leads_to_its_meaning(name):
    document = Problem(name, "Title").as_json()
    assert document["type"] == f"/problems/{name}"
    assert document["status"] == PROBLEM_TYPES[name].status
    assert document["code"] == name.replace("-", "_")
    assert document["retryable"] == PROBLEM_TYPES[name].is_retryable
