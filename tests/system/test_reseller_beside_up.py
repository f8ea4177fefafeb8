"""`csp reseller` beside a running `csp up`: it finds the platform by its folder, and the platform goes by what it did."""

import httpx
import pytest
from typer.testing import CliRunner

from csp_cli.reseller import app
from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("story")]


def test_a_reseller_is_registered_and_set_while_the_platform_runs(data_folder, tmp_path):
    with Running(data_folder) as running:
        (first,) = running.csp("reseller", "show").stdout.splitlines()
        reseller_id = first.split()[0]
        assert running.csp("reseller", "set", reseller_id, "close_day", "20").returncode == 0
        token = running.csp("token").stdout.strip()
        listed = httpx.get(f"{running.gateway}/v1/settings", headers={"Authorization": f"Bearer {token}"})
        (close_day,) = (each for each in listed.json()["data"] if each["setting"] == "close_day")
        assert (close_day["value"], close_day["changes"][-1]["changed_by"]) == ("20", "service:operator")

        partners = httpx.get(f"{running.facts['simulator']}/_control/partners").json()
        other = next(each for each in partners if each["tenant_id"] not in first)
        (tmp_path / "secret").write_text(other["client_secret"])
        (tmp_path / "consent").write_text(other["refresh_token"])
        done = running.csp(
            *("reseller", "register", "--name", "Second", "--country", "DE", "--currency", "EUR"),
            *("--microsoft-tenant", other["tenant_id"], "--client-id", other["client_id"]),
            *("--secret-file", str(tmp_path / "secret"), "--refresh-token-file", str(tmp_path / "consent")),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        shown = running.csp("reseller", "show").stdout
        assert len(shown.splitlines()) == 2
        assert other["client_secret"] not in shown
        running.interrupt()


def test_without_a_platform_it_says_what_is_missing(tmp_path):
    done = CliRunner().invoke(app, ["show", "--data", str(tmp_path)], env={"CSP_DATABASE_URL": None})
    assert done.exit_code == 1
    assert "CSP_DATABASE_URL" in done.output
    assert f"no `csp up` runs from {tmp_path}" in done.output
