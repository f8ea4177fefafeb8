"""The running platform keeps what the API's conventions promise: envelopes, tags, preconditions, settings that can be read."""

import base64
import json
import re
import uuid
from typing import Any

import httpx
import jsonschema
import pytest

from csp_runtime.consistency import to_token
from csp_runtime.problem_types import PROBLEM_TYPES
from csp_testing.probe import eventually
from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("story")]


def surface(running: Running, path: str, *asked: str) -> httpx.Client:
    """A surface, with the token that was asked for."""
    token = running.csp("token", *asked).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=running.gateway + path, headers=headers, timeout=60.0)


def command(client: httpx.Client, path: str, body: Any, **headers: str) -> httpx.Response:
    """A command with a key of its own."""
    return client.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex, **headers})


def closed(document: dict[str, Any], schema: Any) -> Any:
    """The schema with its references resolved and every object closed to fields that it does not name."""
    if isinstance(schema, list):
        return [closed(document, each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return closed(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    found = {name: closed(document, value) for name, value in schema.items()}
    if "properties" in found and not found.get("additionalProperties"):
        found["additionalProperties"] = False
    return found


def check_forged_cursors(client: httpx.Client, path: str) -> None:
    """A cursor is no secret: one that somebody wrote is refused, and breaks nothing."""
    following = (
        client.get(f"{path}?page[size]=1").json().get("meta", {"page": {"next": None}})["page"]["next"]
    )
    if following is None:
        return
    cursor = following.partition("page%5Bafter%5D=")[2]
    read = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    width = len(read["k"])
    for key in (["x"] * width, [-1] * width, ["[[1]]"] * width, [], ["x"] * (width + 1), [None] * width):
        forged = base64.urlsafe_b64encode(json.dumps({**read, "k": key}).encode()).decode().rstrip("=")
        answer = client.get(f"{path}?page[size]=1&page[after]={forged}")
        assert answer.status_code in {200, 422}, f"{path} behind {key}: {answer.text}"


def check_sparse(client: httpx.Client, path: str, operation: dict[str, Any]) -> None:
    """Any of its fields can be asked for alone."""
    for parameter in operation["parameters"]:
        if parameter["name"] == "fields":
            names = parameter["schema"]["items"]["enum"]
            for row in client.get(f"{path}?fields={names[0]}").json()["data"]:
                assert list(row) == [names[0]], path


def check_filters(client: httpx.Client, path: str, operation: dict[str, Any], row: dict[str, Any]) -> None:
    """A row is found by each of its own values, in the words that the document has."""
    parameters = {each["name"] for each in operation["parameters"]}
    for name, value in row.items():
        if value is None or name == "as_of" or isinstance(value, dict | list):
            continue
        wanted = str(value).lower() if isinstance(value, bool) else str(value)
        for parameter in (f"filter[{name}]", f"filter[{name}][gte]", f"filter[{name}][in]"):
            if parameter in parameters and not (parameter.endswith("[in]") and "," in wanted):
                answer = client.get(path, params={parameter: wanted, "page[size]": 200})
                assert answer.status_code == 200, f"{path} {parameter}={wanted}: {answer.text}"
                found = [
                    each | {"as_of": None} for each in answer.json()["data"]
                ]  # a forecast is of its moment
                assert row | {"as_of": None} in found, f"{path} {parameter}={wanted}"


def check_pages(client: httpx.Client, path: str) -> None:
    """Three pages on and back again: the same rows, and the first page has none before it."""

    def page_of(address: str) -> tuple[list[str], dict[str, Any]]:
        body = client.get(address.removeprefix(client.base_url.path.rstrip("/"))).json()
        rows = [each | {"as_of": None} if isinstance(each, dict) else each for each in body["data"]]
        return [json.dumps(row, sort_keys=True) for row in rows], body["meta"]["page"]

    rows, page = page_of(f"{path}?page[size]=1")
    assert page["previous"] is None, path
    seen = [rows]
    while page["next"] is not None and len(seen) < 3:
        rows, page = page_of(page["next"])
        seen.append(rows)
    for expected in seen[-2::-1]:
        rows, page = page_of(page["previous"])
        assert rows == expected, path
    assert page["previous"] is None, path


def check_lists(client: httpx.Client) -> int:
    """Every list that needs no id, by the document; how many rows they have had."""
    document = client.get("/openapi.json").json()
    rows = 0
    for path, operations in document["paths"].items():
        operation = operations.get("get", {})
        if not operation.get("operationId", "").startswith("list_") or "{" in path:
            continue
        answer = client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        promised = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(closed(document, promised)).validate(answer.json())
        rows += len(answer.json()["data"])
        check_forged_cursors(client, path)
        for size in (each for each in operation["parameters"] if each["name"] == "page[size]"):
            most = size["schema"]["maximum"]
            assert client.get(f"{path}?page[size]={most}").status_code == 200, path
            assert client.get(f"{path}?page[size]={most + 1}").status_code == 422, path
        unknown = client.get(f"{path}?filter[colour]=red")
        assert unknown.status_code == 400, path
        assert unknown.json()["invalid_parameters"][0]["field"] == "filter[colour]"
        check_sparse(client, path, operation)
        if path != "/events":
            check_pages(client, path)
        for row in answer.json()["data"][:1]:
            if isinstance(row, dict) and path != "/events":
                check_filters(client, path, operation, row)
    return rows


ONE_OF = {
    "/customers": ("id", ["/customers/{}"]),
    "/tenants": ("id", ["/tenants/{}", "/tenants/{}/users"]),
    "/subscriptions": (
        "id",
        ["/subscriptions/{}", "/subscriptions/{}/history", "/subscriptions/{}/price-edits"],
    ),
    "/operations": ("id", ["/operations/{}"]),
    "/billing-reports": ("id", ["/billing-reports/{}", "/billing-reports/{}/lines"]),
    "/billing-forecasts": ("customer_id", ["/billing-forecasts/{}"]),
    "/billing-cycles": ("id", ["/billing-cycles/{}"]),
    "/price-lists": ("id", ["/price-lists/{}", "/price-lists/{}/rules"]),
}


def check_single_objects(client: httpx.Client) -> int:
    """The first of each list by itself: as the document says, with a tag that answers 304, and 404 for an unknown id."""
    document = client.get("/openapi.json").json()
    known = {re.sub(r"{\w+}", "*", path): path for path in document["paths"]}
    seen = 0
    for path, (field, templates) in ONE_OF.items():
        rows = client.get(path).json().get("data", [])
        for template in templates if rows else ():
            operation = document["paths"][known[template.format("*")]]["get"]
            if operation["operationId"].startswith("list_"):
                check_forged_cursors(client, template.format(rows[0][field]))
            answer = client.get(template.format(rows[0][field]))
            assert answer.status_code == 200, f"{template}: {answer.text}"
            promised = operation["responses"]["200"]["content"]["application/json"]["schema"]
            jsonschema.Draft202012Validator(closed(document, promised)).validate(answer.json())
            assert client.get(template.format("unknown")).status_code == 404, template
            if not operation["operationId"].startswith(("list_", "get_subscription_history")):
                tag = {"If-None-Match": answer.headers["ETag"]}
                assert client.get(template.format(rows[0][field]), headers=tag).status_code in {200, 304}
                assert "304" in operation["responses"], template
            seen += 1
    return seen


def check_price_lists(client: httpx.Client, rule: dict[str, Any]) -> None:
    """A change of a list is bound to the state that it was read in."""
    path = "/price-lists/global"
    before = client.get(path)
    assert client.get(path, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304
    missing = command(client, f"{path}/rules", {"rules": [rule]})
    assert (missing.status_code, missing.json()["code"]) == (428, "if_match_missing")
    made = command(client, f"{path}/rules", {"rules": [rule]}, **{"If-Match": before.headers["ETag"]})
    assert made.status_code == 200, made.text
    stale = command(client, f"{path}/rules", {"rules": [rule]}, **{"If-Match": before.headers["ETag"]})
    told = (stale.status_code, stale.json()["current_version"], stale.json()["changed_fields"])
    assert told == (412, before.json()["version"] + 1, ["rules"])
    margin = {"currency": rule["currency"], "valid_from": "2020-01-01", "rules": [{}]}
    for other in ("margin-rules", "imports"):
        assert command(client, f"{path}/{other}", margin).status_code == 428
    listed = client.get("/price-lists").json()["data"][0]
    assert listed == before.json() | {"version": before.json()["version"] + 1}


def check_foreign(
    client: httpx.Client, stranger: httpx.Client, subscription: dict[str, Any], user: str
) -> None:
    """Another customer's ids are unknown ids, whatever is asked of them."""
    owner, tenant, own = (subscription[name] for name in ("customer_id", "tenant_id", "id"))
    reports = client.get(f"/billing-reports?customer_id={owner}").json()["data"]
    paths = [
        f"/tenants/{tenant}",
        f"/tenants/{tenant}/users",
        f"/users/{user}",
        *(f"/subscriptions/{own}{what}" for what in ("", "/history", "/price-edits")),
        f"/billing-forecasts/{owner}",
        *(
            f"/billing-reports/{report['id']}{what}"
            for report in reports
            for what in ("", "/lines", "/taxes", "/export", "/credit-note")
        ),
    ]
    for path in paths:
        assert client.get(path).status_code == 200 or path.endswith("/credit-note"), path
        assert stranger.get(path).status_code == 404, path
    person = client.get(f"/users/{user}")
    tag = {"If-None-Match": person.headers["ETag"]}
    assert client.get(f"/users/{user}", headers=tag).status_code == 304
    assert person.json() in client.get(f"/tenants/{tenant}/users").json()["data"]
    line = {"product": subscription["product"], "quantity": 1, "term": "P1Y", "charge_cycle": "P1M"}
    commands: dict[str, Any] = {
        f"/subscriptions/{own}/change-previews": {"quantity": 2},
        f"/subscriptions/{own}/change-quantity": {"quantity": 2},
        f"/subscriptions/{own}/suspend": None,
        f"/subscriptions/{own}/cancel": None,
        f"/subscriptions/{own}/end-of-term": {"end_of_term": "cancel"},
        f"/users/{user}/delete": None,
        f"/users/{user}/assign-licence": {"subscription_id": own},
        "/orders": {"tenant_id": tenant, "lines": [line]},
        "/billing-what-ifs": {"subscription_id": own, "quantity": 2},
    }
    for path, body in commands.items():
        answer = command(stranger, path, body)
        assert answer.status_code == 404, f"{path}: {answer.text}"
    for path in ("/subscriptions", "/tenants", "/billing-reports", "/billing-forecasts"):
        rows = stranger.get(path).json()["data"]
        assert owner not in {row["customer_id"] for row in rows}, path
    for query in (
        f"filter[customer_id]={owner}",
        f"filter[customer_id][in]={owner}",
        f"filter[tenant_id]={tenant}",
    ):
        assert stranger.get(f"/subscriptions?{query}&include=tenant").json()["data"] == [], query


def check_repetition(client: httpx.Client) -> None:
    """The same key with the same body is told the same, and that it was told before; with another body it is refused."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    wish = {"setting": "negative_report", "value": "issue", "effective_on": "2020-01-01"}
    first, again = (client.post("/settings", json=wish, headers=key) for _ in range(2))
    assert (first.status_code, "Idempotency-Replayed" in first.headers) == (201, False)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json() == first.json()
    other = client.post("/settings", json=wish | {"value": "carry_forward"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert client.post("/settings", json=wish).json()["code"] == "idempotency_key_missing"


def check_settings(client: httpx.Client, customer: str) -> None:
    """A setting can be read with its default, and who said what of it; a customer's own wins."""
    before = client.get("/settings")
    (close_day,) = (each for each in before.json()["data"] if each["setting"] == "close_day")
    assert close_day["source"] == "reseller"
    assert close_day["changes"][0]["value"] == close_day["value"]
    wish = {"setting": "credit_note", "value": "on", "effective_on": "2020-01-01"}
    tag = before.headers["ETag"]
    assert command(client, "/settings", wish, **{"If-Match": tag, "X-Reason": "asked for"}).status_code == 201
    stale = command(client, "/settings", wish, **{"If-Match": tag})
    assert (stale.status_code, stale.json()["changed_fields"]) == (412, ["credit_note"])
    (credit_note,) = (
        each for each in client.get("/settings").json()["data"] if each["setting"] == "credit_note"
    )
    assert (credit_note["value"], credit_note["source"], credit_note["default"]) == ("on", "reseller", "off")
    assert credit_note["changes"][-1]["reason"] == "asked for"
    path = f"/customers/{customer}/settings"
    own = {"setting": "price_change_policy", "value": "at_next_cycle", "effective_on": "2020-01-01"}
    unset = client.get(path)
    assert unset.status_code == 200, unset.text
    assert [each["source"] for each in unset.json()["data"]] == ["default"]
    assert command(client, path, own).status_code == 201
    assert [(each["value"], each["source"]) for each in client.get(path).json()["data"]] == [
        ("at_next_cycle", "customer")
    ]
    assert client.get("/customers/cus_unknown/settings").status_code == 404


def check_cycles(client: httpx.Client) -> None:
    """A close needs the state that it is meant for; a cycle that is not over stays open."""
    cycle = client.get("/billing-cycles").json()["data"][0]
    path = f"/billing-cycles/{cycle['id']}"
    assert command(client, f"{path}/close", {}).status_code == 428
    assert command(client, f"{path}/close", {}, **{"If-Match": '"v4.0"'}).status_code == 412
    tag = client.get(path).headers["ETag"]
    early = command(client, f"{path}/close", {}, **{"If-Match": tag})
    assert (early.status_code, early.json()["code"]) == (409, "window_open")


def check_refusals(client: httpx.Client, subscription: dict[str, Any], domain: str) -> None:
    """What is refused says where and why before the attempt, and the other way it offers exists."""
    paths = client.get("/openapi.json").json()["paths"]
    path = f"/subscriptions/{subscription['id']}"
    headers = {"Content-Type": "application/json", "Idempotency-Key": "no JSON"}
    garbled = client.post(f"{path}/change-quantity", content='{"quantity": ', headers=headers)
    (fault,) = garbled.json()["invalid_parameters"]
    assert (garbled.status_code, fault["field"], fault["rule"]) == (422, "body", "json_invalid")
    assert "at character 13" in fault["reason"]

    preview = client.post(f"{path}/change-previews", json={"quantity": 10_000_000}).json()
    assert (preview["allowed"], preview["code"]) == (False, "quantity_out_of_range")

    late = command(client, f"{path}/cancel", {})
    assert (late.status_code, late.json()["code"]) == (409, "cancellation_window_closed")
    (instead,) = late.json()["alternatives"]
    assert instead["href"].removeprefix("/v1").replace(subscription["id"], "{subscription_id}") in paths

    address = {"line1": "Am Markt 1", "city": "Berlin", "postal_code": "10117", "country": "DE"}
    contact = {"first_name": "Carla", "last_name": "Conti", "email": "carla@example.org"}
    organisation = {"name": "Conti", "address": address, "contact": contact}
    customer = command(client, "/customers", organisation).json()["id"]
    form = {"domain": domain, "agreement_accepted": True}
    taken = command(client, f"/customers/{customer}/tenants", form)
    assert (taken.status_code, taken.json()["code"]) == (409, "domain_taken"), taken.text
    assert [each["href"].removeprefix("/v1") in paths for each in taken.json()["alternatives"]] == [True]


def check_why(client: httpx.Client, subscription: dict[str, Any]) -> None:
    """What a person says with a command is in its operation, in its events, and in the history."""
    said = {"X-Reason": "moves to another plan", "X-Ticket": "INC-4711", "X-Correlation-Id": "erp-run-17"}
    wish = {"end_of_term": "cancel" if subscription["end_of_term"] == "renew" else "renew"}
    path = f"/subscriptions/{subscription['id']}"
    done = command(client, f"{path}/end-of-term", wish, Prefer="wait=20", **said)
    assert (done.status_code, done.headers["X-Correlation-Id"]) == (200, "erp-run-17"), done.text
    operation = done.json()
    assert [operation[name] for name in ("reason", "ticket", "correlation_id")] == list(said.values())
    assert operation["result"]["resources"] == [{"id": subscription["id"], "href": f"/v1{path}"}]
    waits = {"Consistency-Token": done.headers["Consistency-Token"]}
    last = client.get(f"{path}/history", headers=waits).json()["data"][-1]
    assert (last["what"], last["ticket"]) == ("auto_renew_changed", "INC-4711")
    for kind in ("operations.operation-requested", "subscriptions.auto-renew-changed"):
        event = client.get(f"/events?filter[type]=csp.{kind}.v1&limit=1000").json()["data"][-1]
        assert [event[name] for name in ("reason", "ticket", "correlationid")] == list(said.values()), kind


def check_problem_types(
    client: httpx.Client,
    auditor: httpx.Client,
    portal: httpx.Client,
    subscription: dict[str, Any],
) -> None:
    """Refusals that need no world of their own: each of its type, and to be tried again exactly where it says when."""
    own, tenant, customer = (subscription[name] for name in ("id", "tenant_id", "customer_id"))
    path = f"/subscriptions/{own}"
    nowhere = {"Idempotency-Key": uuid.uuid4().hex, "Consistency-Token": to_token({own: 1_000_000})}
    wish = {"domain": "nobody-has-this", "agreement_accepted": False}
    complete = client.get("/customers?filter[name]=Conti").json()["data"][0]["id"]
    known = client.get(f"/tenants/{tenant}/users").json()["data"]
    named = next(user["user_principal_name"] for user in known if user["user_principal_name"])
    taken = named.partition("@")[0]
    person = {"user_name": taken, "first_name": "A", "last_name": "B", "mail_to": "a@example.org"}
    unpriced = client.get("/products?filter[commerce]=nce&filter[is_trial]=false&filter[is_addon]=false")
    line = next(row for row in unpriced.json()["data"] if row["price"] is None)
    order = {name: line[name] for name in ("product", "term", "charge_cycle")} | {
        "quantity": line["minimum_quantity"]
    }
    answers = {
        "unauthenticated": httpx.get(f"{client.base_url}subscriptions"),
        "forbidden": command(auditor, f"{path}/suspend", None),
        "not_found": client.get("/operations/unknown"),
        "bad_request": client.get("/subscriptions?sort=colour"),
        "validation": command(client, f"{path}/change-quantity", {"quantity": "many"}),
        "read_model_behind": client.get(path, headers=nowhere),
        "subscription_not_active": command(client, f"{path}/reactivate", None),
        "commitment_locked": command(client, f"{path}/change-quantity", {"quantity": 1}),
        "address_invalid": command(client, f"/customers/{customer}/tenants", wish),
        "agreement_missing": command(client, f"/customers/{complete}/tenants", wish),
        "price_missing": command(portal, "/orders", {"tenant_id": tenant, "lines": [order]}),
    }
    for code, answer in answers.items():
        problem = answer.json()
        assert problem.get("code") == code, f"{code}: {answer.status_code} {answer.text}"
        assert answer.status_code == PROBLEM_TYPES[code.replace("_", "-")].status == problem["status"]
        assert problem["retryable"] == ("Retry-After" in answer.headers), code
    begun = command(client, f"/tenants/{tenant}/users", person, **{"X-Reason": "a starter"})
    assert (begun.status_code, begun.json()["reason"]) == (202, "a starter")
    refused = client.get(f"/operations/{begun.json()['id']}", headers={"Prefer": "wait=20"}).json()
    assert (refused["status"], refused["problem"]["code"]) == ("failed", "user_exists"), refused


def patched(client: httpx.Client, path: str, labels: dict[str, str | None], **headers: str) -> httpx.Response:
    """A merge patch of labels, with a key of its own."""
    keys = {"Idempotency-Key": uuid.uuid4().hex, **headers}
    return client.patch(path, json={"labels": labels}, headers=keys)


def check_labels(client: httpx.Client, path: str) -> None:
    """The reseller's own keys are merged, shown, filtered by, and bound to what was read."""
    collection, _, own = path.rpartition("/")
    before = client.get(path)
    first = patched(client, path, {"cost_centre": "4711", "region": "north"})
    assert first.status_code == 200, first.text
    waits = {"Consistency-Token": first.headers["Consistency-Token"]}
    shown = client.get(path, headers=waits)
    assert shown.json()["labels"] == {"cost_centre": "4711", "region": "north"}
    assert shown.json()["version"] == first.json()["version"]
    late = patched(client, path, {"region": "south"}, **{"If-Match": before.headers["ETag"]})
    assert (late.status_code, late.json()["changed_fields"]) == (412, ["labels"])
    for query, is_there in (
        ("filter[labels.cost_centre]=4711", True),
        ("filter[labels.region][in]=north,south", True),
        ("filter[labels.region]=south", False),
        ("filter[labels.region][neq]=north", False),
    ):
        found = client.get(f"{collection}?{query}&page[size]=500").json()["data"]
        assert (own in {row["id"] for row in found}) == is_there, query
    last = patched(
        client, path, {"region": None, "cost_centre": "4712"}, **{"If-Match": shown.headers["ETag"]}
    )
    assert last.json()["labels"] == {"cost_centre": "4712"}
    same = patched(client, path, {"cost_centre": "4712"})
    assert same.json()["version"] == last.json()["version"], "what says nothing new changes nothing"
    wrong = patched(client, path, {"Cost Centre": "x", "ok": "y" * 201})
    assert [each["field"] for each in wrong.json()["invalid_parameters"]] == [
        "labels.Cost Centre",
        "labels.ok",
    ]
    assert client.patch(path, json={"labels": {}}).json()["code"] == "idempotency_key_missing"
    assert patched(client, f"{collection}/unknown", {"a": "b"}).status_code == 404


def check_addresses(client: httpx.Client, gateway: str) -> None:
    """The type of a problem and the schema of an event are addresses that lead somewhere."""
    problem = client.get("/subscriptions/unknown").json()
    meaning = httpx.get(gateway + problem["type"]).json()
    assert (meaning["code"], meaning["status"]) == (problem["code"], 404)
    elsewhere = client.get("/no-such-address")
    assert (elsewhere.status_code, elsewhere.json()["type"]) == (404, "/problems/not-found")
    for path in ("/subscriptions", "/subscriptions/unknown"):
        head, shown = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (shown.status_code, b"")
        assert head.headers["Content-Length"] == shown.headers["Content-Length"]
    other = client.delete("/subscriptions")
    assert (other.status_code, other.json()["code"]) == (405, "method_not_allowed")
    for event in client.get("/events?limit=20").json()["data"]:
        schema = httpx.get(gateway + event["dataschema"]).json()
        jsonschema.Draft202012Validator(schema).validate(event["data"])
    assert httpx.get(f"{gateway}/v1/schemas/unknown.json").status_code == 404


async def test_both_surfaces_keep_the_conventions(data_folder):
    with Running(data_folder) as running, surface(running, "/v1") as client:

        def imported() -> Any:
            """Its customer is known once its tenant is, and what it costs once pricing has heard of it."""
            rows = client.get("/subscriptions?filter[status]=active&page[size]=500").json()["data"]
            known = [each for each in rows if each["customer_id"] and each["cost"]]
            # Of the New Commerce ones, which have a cost, one whose window is closed: its cancellation is refused.
            is_enough = len({each["customer_id"] for each in known}) > 1
            return [each for each in known if not each["seat_lots"]] if is_enough else None

        subscription = (await eventually(imported, within=60.0, what="imported subscriptions"))[0]

        def with_users() -> Any:
            return client.get(f"/tenants/{subscription['tenant_id']}/users").json().get("data")

        users = await eventually(with_users, within=60.0, what="the tenant's users")
        some = client.get("/products?filter[term]=P1Y&filter[charge_cycle]=P1M").json()["data"]
        product = next(each for each in some if each["cost"] is not None)
        rule = {name: product[name] for name in ("product", "segment", "term", "charge_cycle")}
        rule |= {"unit_price": "31", "currency": product["cost"]["currency"], "valid_from": "2020-01-01"}
        assert check_lists(client) > 20
        assert check_single_objects(client) > 8
        check_price_lists(client, rule)
        check_repetition(client)
        check_settings(client, subscription["customer_id"])
        check_cycles(client)
        check_addresses(client, running.gateway)
        check_why(client, subscription)
        check_labels(client, f"/customers/{subscription['customer_id']}")
        check_labels(client, f"/subscriptions/{subscription['id']}")
        tenant = client.get(f"/tenants/{subscription['tenant_id']}").json()
        check_refusals(client, subscription, tenant["domain"])
        asked = ("--as", "customer-admin", "--customer", subscription["customer_id"])
        with surface(running, "/portal/v1", *asked) as portal:
            with surface(running, "/v1", "--as", "reseller-auditor") as auditor:
                check_problem_types(client, auditor, portal, subscription)
            assert check_lists(portal) > 5
            assert check_single_objects(portal) > 5
            assert "4712" not in portal.get("/subscriptions").text, "labels are the reseller's own"
            assert "4712" not in portal.get(f"/subscriptions/{subscription['id']}/history").text
            assert "4712" not in portal.get("/events?limit=1000").text
            assert patched(portal, f"/subscriptions/{subscription['id']}", {"a": "b"}).status_code == 405
            for path in ("/settings", "/price-lists", "/billing-cycles", "/drifts"):
                assert portal.get(path).status_code == 404
        others = client.get("/customers").json()["data"]
        other = next(each["id"] for each in others if each["id"] != subscription["customer_id"])
        with surface(running, "/portal/v1", "--as", "customer-admin", "--customer", other) as stranger:
            check_foreign(client, stranger, subscription, users[0]["id"])
        running.interrupt()
