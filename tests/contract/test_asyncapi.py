"""The published AsyncAPI document is what the code says, and the official parser accepts it."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from csp_contracts.asyncapi import CONTEXTS, asyncapi_document, channels_of
from csp_contracts.registry import published_types
from csp_testing.folders import repository

HERE = Path(__file__).parent
COMMITTED = repository() / "libs" / "contracts" / "asyncapi.yaml"


def parsed(text: str, node_packages: Path) -> dict[str, object]:
    """What the official parser says."""
    command = ["node", str(HERE / "parse_asyncapi.mjs")]
    ran = subprocess.run(
        command, input=text, cwd=node_packages, check=True, capture_output=True, text=True, timeout=120
    )
    return json.loads(ran.stdout)


def test_the_committed_document_is_what_the_code_says():
    committed = yaml.safe_load(COMMITTED.read_text(encoding="utf-8"))
    assert committed == asyncapi_document(committed["info"]["version"]), "run `make contracts`"


def test_every_published_type_travels_on_a_channel():
    channels = asyncapi_document("0")["channels"]
    for event_type in published_types():
        assert channels_of(event_type), event_type.wire_name
        for context in channels_of(event_type):
            assert context in CONTEXTS
            assert event_type.wire_name in channels[context]["messages"]


@pytest.mark.node
def test_the_official_parser_accepts_the_document(node_packages):
    result = parsed(COMMITTED.read_text(encoding="utf-8"), node_packages)
    assert result["errors"] == []
    assert result["accepted"]
    assert set(result["messages"]) == {event_type.wire_name for event_type in published_types()}


@pytest.mark.node
def test_the_official_parser_would_refuse_a_broken_document(node_packages):
    document = asyncapi_document("0")
    document["channels"]["billing"]["messages"]["lost"] = {"$ref": "#/components/messages/nowhere"}
    result = parsed(json.dumps(document), node_packages)
    assert result["errors"]
    assert not result["accepted"]
