"""The Python client generated from Microsoft's description of Partner Center against the simulator (PC 15.4, 15.5).

Its models are those of 2018 and have types: an answer of another form would not be understood.
"""

import json
import subprocess
from pathlib import Path

PROGRAM = Path(__file__).parent / "sdk" / "partner_program.py"
# What the description has and neither the reference nor the scope of this simulator.
NOT_BUILT = {
    "/customers/{customer_id}/deviceBatches",
    "/customers/{customer_id}/policies",
    "/customers/{customer_id}/serviceincidents/office",
    "/insiderprograms",
    "/preferences/catalog/offers",
    "/profiles/partnernetworkprofile",
    "/ratecards/azure",
    "/ratecards/azure-shared",
    "/roles",
    "/roles/{role_id}/usermembers",
    "/serviceincidents/office",
    "/serviceincidents/office/count",
}


def test_a_program_on_the_generated_client_works_against_the_simulator(partner_sdk, http):
    partner = http.get("/_control/partners").json()[0]["tenant_id"]
    http.patch("/_control/profile", json={"closed_enums": True})
    made = http.post("/_control/tokens", json={"tenant_id": partner, "kind": "app_user"})
    token = made.json()["access_token"]
    listed = http.get("/v1/customers", headers={"Authorization": f"Bearer {token}"})
    customer = listed.json()["items"][0]["id"]
    ran = subprocess.run(
        [str(partner_sdk), "-W", "ignore", str(PROGRAM), str(http.base_url), token, customer],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout)
    reads = told.pop("reads")
    assert {path for path, (_, built, _) in reads.items() if not built} == NOT_BUILT
    understood = {path: tuple(one) for path, one in reads.items() if path not in NOT_BUILT}
    assert len(understood) > 50
    assert {path: one for path, one in understood.items() if one != (200, True, True)} == {}
    assert told == {
        "bought": [5, "active", "license"],
        "changed": 8,
        "user": ["active", "US"],
        "renamed": "Sam",
        "roles": 1,
        "consumed": 1,
        "profile without etag": [400, 2055],
        "address": True,
        "gone": ["inactive", True],
    }
