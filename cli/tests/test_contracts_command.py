"""`csp contracts` prints what is committed, and refuses a release that breaks a reader."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from csp_cli.contracts import app
from csp_contracts.schemas import all_schemas, render

NAME = "csp.subscriptions.quantity-changed.v1"


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_schemas_prints_all_or_one(run):
    assert json.loads(run("schemas").stdout) == all_schemas()
    assert json.loads(run("schemas", NAME).stdout) == all_schemas()[NAME]


def test_an_unknown_type_is_named(run):
    result = run("schemas", "csp.x.y.v1")
    assert result.exit_code == 2
    assert "csp.x.y.v1" in result.stderr


def test_writing_schemas_removes_those_of_types_that_are_gone(run, tmp_path):
    (tmp_path / "csp.gone.type.v1.json").touch()
    (tmp_path / "README.md").touch()
    assert run("schemas", "--write", tmp_path).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "README.md",
        *(f"{name}.json" for name in all_schemas()),
    }


def test_asyncapi_is_yaml_of_version_3(run, tmp_path):
    printed = run("asyncapi").stdout
    run("asyncapi", "--write", tmp_path / "asyncapi.yaml")
    assert yaml.safe_load(printed)["asyncapi"] == "3.0.0"
    assert (tmp_path / "asyncapi.yaml").read_text() == printed


def test_check_passes_a_contract_that_was_just_released(run, tmp_path):
    run("release", "--released", tmp_path / "released.json")
    assert run("check", "--released", tmp_path / "released.json").exit_code == 0


def test_check_names_what_a_release_would_break(run, tmp_path):
    released = all_schemas() | {"csp.gone.type.v1": {}}
    (tmp_path / "released.json").write_text(render(released))
    result = run("check", "--released", tmp_path / "released.json")
    assert result.exit_code == 1
    assert "csp.gone.type.v1: the type was removed" in result.stderr
