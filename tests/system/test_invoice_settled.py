"""An invoice of Microsoft's from its month to its signature, through the public API alone: fetched, matched, decided of, signed off."""

import uuid
from typing import Any

import httpx
import pytest

from csp_testing.person import Person
from csp_testing.probe import eventually
from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("story")]


def pass_days(running: Running, days: int) -> None:
    """At Microsoft, and so for all of us."""
    control = f"{running.facts['simulator']}/_control/clock/advance"
    assert httpx.post(control, json={"by": f"P{days}D"}, timeout=60.0).is_success


async def test_an_invoice_is_fetched_matched_decided_of_and_signed_off(data_folder):
    with Running(data_folder) as running, Person(running, "/v1") as reseller:

        async def known() -> Any:
            found = reseller.get("/subscriptions", **{"page[size]": 500})["data"]
            return any(each["customer_id"] and each["cost"] for each in found)

        await eventually(known, within=60.0, what="the subscriptions of the first synchronisation")
        reseller.post(
            "/settings",
            {"setting": "invoice_import", "value": "automatic", "effective_on": "2020-01-01"},
            201,
        )
        pass_days(running, 40)

        async def matched() -> Any:
            found = reseller.get("/invoice-imports")["data"]
            return [each for each in found if each["status"] == "matched" and each["undecided"] > 1] or None

        invoice = (await eventually(matched, within=120.0, what="an invoice of Microsoft's is matched"))[0]
        assert (invoice["source"], invoice["imported_by"]) == ("partner_center", "service:billing")
        path = f"/invoice-imports/{invoice['id']}"
        name = {"name": "A. Smith", "note": "checked against the contract"}

        refused = reseller.post(f"{path}/sign-off", name, 409)
        assert (refused["code"], refused["undecided"]) == ("differences_undecided", invoice["undecided"])

        first, *others = reseller.get(f"{path}/matches", **{"filter[undecided]": "true", "page[size]": 500})[
            "data"
        ]
        assert len(others) + 1 == invoice["undecided"]
        credit = {
            "subscription_id": first["subscription_id"],
            "amount": {"amount": "5.00", "currency": first["difference"]["currency"]},
            "text": "Passed on from Microsoft's invoice",
        }
        passed_on = {"decision": "adjust", "adjustment_id": reseller.post("/adjustments", credit, 201)["id"]}
        decide = f"/invoice-matches/{first['id']}/decide"
        reseller.post(decide, {"decision": "adjust"}, 422)
        reseller.post(decide, {"decision": "adjust", "adjustment_id": "adj_of_nobody"}, 404)
        reseller.post(decide, {"decision": "accept"})
        decided = reseller.post(decide, passed_on)  # until the sign-off a later decision replaces it
        assert decided["decision"]["adjustment_id"] == passed_on["adjustment_id"]
        for other in others:
            reseller.post(
                f"/invoice-matches/{other['id']}/decide", {"decision": "dispute", "note": "ticket 7"}
            )

        ready = reseller.get(path)
        assert (ready["status"], ready["undecided"], ready["signed_off"]) == ("matched", 0, None)
        assert sum(each["undecided"] for each in ready["reasons"]) == 0
        key = uuid.uuid4().hex
        signed = reseller.post(f"{path}/sign-off", name, key=key)
        assert reseller.post(f"{path}/sign-off", name, key=key) == signed
        assert signed["status"] == "signed_off"
        assert (signed["signed_off"]["name"], signed["signed_off"]["note"]) == (name["name"], name["note"])

        shown = {each["id"]: each for each in reseller.get("/invoice-imports")["data"]}[invoice["id"]]
        assert shown["status"] == "signed_off"
        assert shown["signed_off"] | {"at": None} == signed["signed_off"] | {"at": None}
        assert shown["difference"] == invoice["difference"]
        kept = reseller.get(f"{path}/matches", **{"page[size]": 500})["data"]
        assert [each["decision"]["decision"] for each in kept if each["decision"]] == [
            "adjust",
            *["dispute"] * len(others),
        ]
        for late in (decide, f"{path}/discard", f"{path}/match"):
            body = {"decision": "accept"} if late == decide else None
            assert reseller.post(late, body, 409)["code"] == "import_settled"
        viewer = ("--as", "customer-admin", "--customer", first["customer_id"])
        with Person(running, "/portal/v1", *viewer) as own:
            assert own.http.get(path).status_code == 404
        with Person(running, "/v1", "--as", "reseller-auditor") as reader:
            assert reader.get(path)["signed_off"] == signed["signed_off"]
            assert (
                reader.http.post(f"{path}/sign-off", json=name, headers={"Idempotency-Key": "r"}).status_code
                == 403
            )
        running.interrupt()
