"""Both surfaces publish an OpenAPI 3.1 document that the linter accepts, and the customer's has no cost in it."""

import json
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from csp_cli.no_tokens import NoTokens
from csp_gateway.api import customer_app, reseller_app
from csp_testing.outside_tools import program

SURFACES = {"reseller": reseller_app, "customer": customer_app}


@cache
def document(surface: str) -> dict[str, Any]:
    published: dict[str, Any] = SURFACES[surface](NoTokens(), None).openapi()
    return published


def field_names(node: Any) -> set[str]:
    if isinstance(node, list):
        return {name for each in node for name in field_names(each)}
    if not isinstance(node, dict):
        return set()
    own = set(node.get("properties", {})) if isinstance(node.get("properties"), dict) else set()
    return own | {name for each in node.values() for name in field_names(each)}


@pytest.mark.node
@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_the_linter_finds_no_error(surface, node_packages, tmp_path):
    path = tmp_path / f"{surface}.json"
    path.write_text(json.dumps(document(surface)))
    done = subprocess.run(
        [
            program("node"),
            node_packages / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js",
            "lint",
            path,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_every_operation_says_how_it_fails(surface):
    for path, operations in document(surface)["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "422", "503"} <= set(operation["responses"]), f"{method} {path}"
            assert operation["operationId"]
            assert operation["description"], f"{method} {path}"
            assert operation["summary"].lower().replace(" ", "_") == operation["operationId"]
            assert set(operation["tags"]) <= {tag["name"] for tag in document(surface)["tags"]}
            for status, answer in operation["responses"].items():
                if status[0] in "45":
                    assert list(answer["content"]) == ["application/problem+json"], (
                        f"{method} {path} {status}"
                    )


def test_the_customers_surface_has_no_field_for_cost_or_margin():
    assert not {name for name in field_names(document("customer")) if "cost" in name or "margin" in name}
    assert {"cost", "margin", "margin_percent", "matched_to"} <= field_names(document("reseller"))
    assert "matched_to" not in field_names(document("customer")), "Microsoft's invoices are the reseller's"


def operations(surface: str) -> set[str]:
    return {each["operationId"] for path in document(surface)["paths"].values() for each in path.values()}


def test_invoices_adjustments_and_rates_are_the_resellers_and_reports_with_tax_and_forecasts_are_for_both():
    for_both = {
        "list_billing_forecasts",
        "get_billing_forecast",
        "ask_billing_what_if",
        "get_billing_report_taxes",
        "get_billing_credit_note",
    }
    resellers = {
        "upload_invoice",
        "fetch_invoice",
        "list_invoice_matches",
        "decide_invoice_match",
        "sign_off_invoice",
        "grant_adjustment",
        "list_adjustments",
        "set_tax_rate",
    }
    assert operations("reseller") >= for_both | resellers
    assert operations("customer") >= for_both
    assert not operations("customer") & resellers


STANDARD = {"id", "created_at", "updated_at", "version", "origin", "external_refs", "links"}
NO_RESOURCES = {
    "list_events": "CloudEvents have attributes of their own",
    "list_billing_report_lines": "lines never change, and belong to their report",
}


def resolved(surface: str, schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document(surface)["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def shown_objects(surface: str) -> dict[str, dict[str, Any]]:
    """The objects that reads answer, alone or as the rows of a list, by operation."""
    found = {}
    for path in document(surface)["paths"].values():
        operation = path.get("get", {"responses": {}, "operationId": ""})
        answer = operation["responses"].get("200", {}).get("content", {}).get("application/json")
        if answer is None:
            continue
        schema = resolved(surface, answer["schema"])
        if "data" in schema.get("properties", {}):
            schema = resolved(surface, schema["properties"]["data"]["items"])
        found[operation["operationId"]] = schema.get("properties", {})
    return found


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_every_object_has_the_standard_fields(surface):
    objects = {name: fields for name, fields in shown_objects(surface).items() if "id" in fields}
    assert len(objects) > 8
    lacking = {
        name: STANDARD - set(fields)
        for name, fields in objects.items()
        if name not in NO_RESOURCES and not set(fields) >= STANDARD
    }
    assert lacking == {}


QUESTIONS = {
    "preview_change": "nothing is saved",
    "preview_price_edit": "nothing is saved",
    "preview_price_import": "nothing is saved",
    "preview_margin_rules": "nothing is saved",
    "preview_price_sheet": "nothing is saved",
    "ask_billing_what_if": "nothing is saved",
    "check_domain": "nothing is saved",
    "create_quote": "a second quote of the same is another offer, and binds nobody",
    "refresh": "reading once more changes nothing by itself",
}


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_every_post_that_changes_something_needs_an_idempotency_key(surface):
    changing = [
        (path, operation)
        for path, operations in document(surface)["paths"].items()
        for method, operation in operations.items()
        if method in {"post", "patch"} and operation["operationId"] not in QUESTIONS
    ]
    assert len(changing) > 10
    for path, operation in changing:
        parameters = {each["name"].lower(): each for each in operation["parameters"]}
        assert parameters["idempotency-key"]["required"], path
        assert {"x-reason", "x-ticket"} <= set(parameters), path
        assert "400" in operation["responses"], path


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_every_single_object_has_a_tag_and_answers_304(surface):
    singles = 0
    for path, operations in document(surface)["paths"].items():
        operation = operations.get("get")
        answers = {} if operation is None else operation["responses"]["200"].get("content", {})
        if (
            "application/json" not in answers or operation["operationId"] == "get_sync_status"
        ):  # of the moment
            continue
        schema = resolved(surface, answers["application/json"]["schema"])
        if "data" in schema["properties"]:
            continue
        singles += 1
        assert "304" in operation["responses"], path
        assert "ETag" in operation["responses"]["200"]["headers"], path
        assert "If-None-Match" in {each["name"] for each in operation["parameters"]}, path
    assert singles > 5


LESS_FILTERED = {
    "list_events": "the feed is read by position",
    "list_billing_report_lines": "billing sums what is left, and compares what it knows",
    "list_tenants": "the path or the caller says whose they are",
}


def is_plain(schema: dict[str, Any]) -> bool:
    """Whether a field is a text, a number, a day, a moment or a truth, or null."""
    some = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    return len(some) == 1 and some[0].get("type") in {"string", "integer", "boolean"}


@pytest.mark.parametrize("surface", sorted(SURFACES))
def test_every_list_is_filtered_by_what_it_shows_and_can_show_less(surface):
    lists = 0
    for path, operations in document(surface)["paths"].items():
        operation = operations.get("get", {"operationId": ""})
        if not operation["operationId"].startswith("list_") or operation["operationId"] in LESS_FILTERED:
            continue
        page = resolved(surface, operation["responses"]["200"]["content"]["application/json"]["schema"])
        fields = resolved(surface, page["properties"]["data"]["items"]).get("properties")
        if fields is None:  # choices are texts
            continue
        lists += 1
        names = {each["name"] for each in operation["parameters"]}
        filtered = {re.sub(r"^filter\[([^]]+)\].*", r"\1", name) for name in names}
        assert {name for name, schema in fields.items() if is_plain(schema)} - filtered == set(), path
        assert "fields" in names, path
    assert lists > 5
