"""Pages for people come whole from the platform: a browser asks nobody else, so they show without internet, too."""

import re
import urllib.parse

import httpx
import pytest

from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("story")]

ASKED = re.compile(r"""(?:src|href)=["']([^"']+)["']""")


def assets(page: httpx.Response) -> list[str]:
    return [urllib.parse.urljoin(str(page.url), address) for address in ASKED.findall(page.text)]


def test_the_pages_of_both_apis_and_of_the_simulator_ask_nobody_else(data_folder):
    with Running(data_folder) as running:
        simulator = running.facts["simulator"]
        pages = [
            f"{running.gateway}/v1/docs",
            f"{running.gateway}/portal/v1/docs",
            f"{simulator}/_control/docs",
            f"{simulator}/_control/",
        ]
        for address in pages:
            page = httpx.get(address).raise_for_status()
            base = running.gateway if address.startswith(running.gateway) else simulator
            for asset in assets(page):
                assert asset.startswith(base), f"{address} loads {asset}"
                assert httpx.get(asset).raise_for_status().content, asset
            if address.endswith("docs"):
                assert any(asset.endswith(".js") for asset in assets(page))
                document = re.search(r"url: '([^']+)'", page.text)
                assert document is not None
                assert httpx.get(f"{base}{document.group(1)}").json()["openapi"].startswith("3.1")
        running.interrupt()
