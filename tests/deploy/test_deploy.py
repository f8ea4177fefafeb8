"""Compose and Helm say the truth about the settings, and are what their tools accept; no engine is needed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from csp_cli.services import SERVICES
from csp_cli.settings_page import OBJECTS, page

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm"
COMPOSE = ROOT / "docker-compose.yml"
# Of one machine only: a container's own value is right as it is.
NOT_DEPLOYED = {"CSP_DATA", "CSP_HOST", "CSP_PORT"}


def known_variables() -> set[str]:
    return {
        f"{settings.model_config['env_prefix']}{name}".upper()
        for settings in OBJECTS.values()
        for name in settings.model_fields
    }


def variables_in(text: str) -> set[str]:
    return set(re.findall(r"^\s*-?\s*(?:name: )?(CSP_[A-Z_]+)(?::|$)", text, re.MULTILINE))


def test_compose_fits_the_compose_schema():
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_runs_every_service_after_what_it_needs():
    compose = yaml.safe_load(COMPOSE.read_text())
    for known in SERVICES:
        service = compose["services"][known.name]
        assert service["command"] == ["run", known.name]
        assert service["healthcheck"]["test"]
        assert {"postgres", "kafka", "simulator"} <= set(service["depends_on"])
    peers = json.loads(compose["x-service"]["environment"]["CSP_PEERS"])
    assert set(peers) == {known.name for known in SERVICES}


def test_every_variable_in_compose_exists_in_the_settings():
    compose = yaml.safe_load(COMPOSE.read_text())
    assert set(compose["x-service"]["environment"]) <= known_variables()


def test_every_setting_has_a_value_in_the_chart_and_the_other_way_round():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    in_chart = set(values["settings"]) | set(values["secret"]["keys"]) | {"CSP_PEERS"}
    assert in_chart == known_variables()


@pytest.mark.helm
@pytest.mark.timeout(1200)  # Go builds helm the first time
def test_the_chart_passes_lint(helm):
    done = subprocess.run(
        [helm, "lint", "--strict", "--kube-version", "1.31.0", CHART],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.helm
@pytest.mark.timeout(1200)  # Go builds helm the first time
def test_rendered_manifests_are_valid_and_complete(helm):
    rendered = subprocess.run(
        [
            helm,
            "template",
            "csp",
            CHART,
            "--kube-version",
            "1.31.0",
            "--set",
            "ingress.enabled=true",
            "--set",
            "ingress.host=csp.example",
        ],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    ).stdout
    manifests = [each for each in yaml.safe_load_all(rendered) if each]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    deployments: dict[str, dict[str, Any]] = {
        each["metadata"]["name"]: each for each in manifests if each["kind"] == "Deployment"
    }
    assert set(deployments) == {f"csp-{known.name}" for known in SERVICES}
    for deployment in deployments.values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
        names = {variable["name"] for variable in container["env"]}
        assert names <= known_variables()
        assert "CSP_DATABASE_URL" in names


def test_the_image_runs_as_nobody_in_particular():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "USER 10001" in dockerfile
    assert variables_in(dockerfile) <= known_variables() | NOT_DEPLOYED


def test_the_page_of_settings_is_what_the_objects_say_and_names_each():
    shown = (ROOT / "docs" / "settings.md").read_text()
    assert shown == page(), "run `make contracts`"
    assert all(f"`{variable}`" in shown for variable in known_variables())
    assert "None" not in shown
