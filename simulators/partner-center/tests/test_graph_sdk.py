"""Microsoft's own Graph SDK against the simulator: what its client reads and writes works as it stands (PC 13, 10.9, 3.6)."""

import json
import subprocess
from pathlib import Path

PROGRAM = Path(__file__).parent / "sdk" / "graph_program.py"


def test_a_program_on_microsofts_graph_sdk_works_against_the_simulator(graph_sdk, http):
    partner = http.get("/_control/partners").json()[0]["tenant_id"]
    customers = http.get("/_control/customers", params={"tenant_id": partner}).json()
    customer = next(one for one in customers if one["users"] > 2)

    def token(**wish):
        made = http.post("/_control/tokens", json={"tenant_id": partner, "kind": "app_user", **wish})
        return made.json()["access_token"]

    def read(path):
        return http.get(path, headers={"Authorization": f"Bearer {token()}"}).json()["items"]

    skus = read(f"/v1/customers/{customer['customer_id']}/subscribedskus")
    sku = next(one for one in skus if one["availableUnits"] > 0)
    invoice = next(one["id"] for one in read("/v1/invoices") if one["invoiceType"] == "OneTime")
    directory = token(audience="graph", customer_id=customer["customer_id"])
    facts = [customer["customer_id"], customer["domain"], sku["productSku"]["id"], invoice]
    arguments = [str(http.base_url.join("/graph/v1.0")), directory, token(audience="graph"), *facts]
    ran = subprocess.run(
        [str(graph_sdk), str(PROGRAM), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout)
    name = f"sam@{customer['domain']}"
    assert told["made"] == {"name": "Sam Baker", "job": None, "mail": name}
    assert told["job"] == "Baker"
    assert told["licenses"] == [sku["productSku"]["id"]]
    assert told["consumed"][sku["productSku"]["id"]] == [sku["consumedUnits"] + 1, sku["activeUnits"]]
    assert len(told["paged"]) == customer["users"] + 1
    assert name in told["paged"]
    assert told["delta"] == [[True, {"reason": "changed"}]]
    assert told["deleted"] == [True]
    assert told["restored"] == "User"
    assert told["refused"] == [404, "Request_ResourceNotFound", True]
    assert told["relationship"] == [180, "succeeded", "approvalPending"]
    assert told["assigned too early"] == 400
    seen = http.get("/_control/requests", params={"operation": "graph.billing.reconciliation.billed.export"})
    assert [one["status"] for one in seen.json()] == [202]
