"""Rows are rendered when they are written, and handed through: their bytes must be what the OpenAPI document promises."""

import re

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csp_gateway.domain import money
from csp_testing.screens import CUSTOMER, OPERATION, SUBSCRIPTION, TENANT, UNALLOCATED

READS = {
    "/subscriptions": "/subscriptions",
    "/subscriptions/{subscription_id}": f"/subscriptions/{SUBSCRIPTION}",
    "/subscriptions/{subscription_id}/history": f"/subscriptions/{SUBSCRIPTION}/history",
    "/tenants/{tenant_id}": f"/tenants/{TENANT}",
    "/operations": "/operations",
    "/operations/{operation_id}": f"/operations/{OPERATION}",
    "/events": "/events",
}
READS_OF = {
    "reseller": {
        **READS,
        "/customers": "/customers",
        "/customers/{customer_id}/tenants": f"/customers/{CUSTOMER}/tenants",
    },
    "customer": {**READS, "/tenants": "/tenants"},
}


def strict(document, schema):
    """The schema with its references resolved, and every object closed to fields that it does not name."""
    if isinstance(schema, list):
        return [strict(document, each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return strict(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    found = {name: strict(document, value) for name, value in schema.items()}
    if "properties" in found and not found.get("additionalProperties"):
        found |= {"additionalProperties": False, "required": sorted(found["properties"])}
    return found


async def test_a_subscription_of_a_tenant_that_is_not_known_yet_is_nobodys(surfaces, worker):
    async with worker.transaction() as tx:
        await tx.execute("update subscriptions set customer_id = ''")
    _, client = surfaces["reseller"]
    answer = (await client.get("/subscriptions?include=customer")).json()
    assert [row["customer_id"] for row in answer["data"]] == [None]
    assert answer["included"]["customers"] == []


@pytest.mark.parametrize(
    ("surface", "path"), [(surface, path) for surface, paths in READS_OF.items() for path in paths]
)
async def test_the_bytes_of_every_read_are_what_the_document_promises(surfaces, surface, path):
    document, client = surfaces[surface]
    answer = await client.get(READS_OF[surface][path])
    assert answer.status_code == 200, answer.text
    promised = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    checker = jsonschema.Draft202012Validator(
        strict(document, promised), format_checker=jsonschema.FormatChecker()
    )
    checker.validate(answer.json())
    rows = answer.json()["data"] if "data" in answer.json() else [answer.json()]
    assert rows, "an empty list proves nothing"


async def test_a_reseller_sees_price_cost_and_margin_and_a_customer_only_the_price(surfaces):
    shown = {
        name: (await client.get(f"/subscriptions/{SUBSCRIPTION}")).json()
        for name, (_, client) in surfaces.items()
    }
    assert shown["reseller"]["price"] == shown["customer"]["price"] == {"amount": "6.20", "currency": "EUR"}
    assert shown["reseller"]["cost"] == {"amount": "4.96", "currency": "EUR"}
    assert shown["reseller"]["margin"] == {"amount": "1.24", "currency": "EUR"}
    assert {"cost", "margin"}.isdisjoint(shown["customer"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=5, max_size=5
    )
)
async def test_whatever_people_and_microsoft_call_things_is_shown_as_it_is(surfaces, worker, texts):
    columns = ("friendly_name", "product", "product_title", "microsoft_subscription_id", "status")
    async with worker.transaction() as tx:
        given_ = ", ".join(f"{column} = %s" for column in columns)
        await tx.execute(
            f"update subscriptions set {given_} where subscription_id = %s", [*texts, SUBSCRIPTION]
        )
    shown = (await surfaces["reseller"][1].get(f"/subscriptions/{SUBSCRIPTION}")).json()
    assert shown["name"] == (texts[0] or texts[2])
    seen = (shown["product"], shown["product_title"], *shown["external_refs"].values(), shown["status"])
    assert list(seen) == texts[1:]


@pytest.mark.parametrize(("surface", "path"), [("reseller", "/v1"), ("customer", "/portal/v1")])
async def test_links_lead_where_the_surface_shows_it(surfaces, surface, path):
    document, client = surfaces[surface]
    routes = {re.sub(r"{\w+}", "*", each) for each in document["paths"]}
    for read in (f"/subscriptions/{SUBSCRIPTION}", f"/tenants/{TENANT}", f"/operations/{OPERATION}"):
        links = (await client.get(read)).json()["links"]
        assert links["self"] == f"{path}{read}"
        for link in links.values():
            if link is not None:
                assert link.startswith(f"{path}/")
                plain = re.sub(r"/[a-z]+_[a-z0-9]{26}", "/*", link.removeprefix(path).partition("?")[0])
                assert plain in routes, link
    subscription = (await client.get(f"/subscriptions/{SUBSCRIPTION}")).json()["links"]
    assert (subscription["customer"] is None) == (surface == "customer"), "customers have no such address"


async def test_the_same_state_is_answered_with_304(surfaces):
    _, client = surfaces["customer"]
    first = await client.get(f"/tenants/{TENANT}")
    again = await client.get(f"/tenants/{TENANT}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


async def test_another_customers_rows_are_not_there(surfaces, worker):
    _, client = surfaces["customer"]
    async with worker.transaction() as tx:
        await tx.execute("update subscriptions set customer_id = %s", [UNALLOCATED])
    assert (await client.get("/subscriptions")).json()["data"] == []
    assert (await client.get(f"/subscriptions/{SUBSCRIPTION}")).status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("filter[colour]=red", 400),
        ("sort=name", 400),
        ("page[size]=0", 422),
        ("page[size]=501", 422),
        ("page[size]=ten", 422),
        ("page[after]=nonsense", 422),
        ("filter[status]=%00", 422),
    ],
)
async def test_what_a_list_does_not_know_is_refused_by_name(surfaces, query, status):
    _, client = surfaces["reseller"]
    answer = await client.get(f"/subscriptions?{query}")
    assert answer.status_code == status
    assert answer.json()["invalid_parameters"][0]["field"] == query.partition("=")[0]


async def test_pages_follow_one_another_with_all_parameters_kept(surfaces, worker):
    _, client = surfaces["reseller"]
    async with worker.transaction() as tx:
        await tx.execute(
            "insert into tenants select 'ten_' || n, reseller_id, customer_id, 'm' || n, 'd' || n % 2, company_name, country, "
            "status, null, origin, 1, 1, created_at, updated_at from tenants, generate_series(1, 4) as n"
        )
    seen, path = [], f"/customers/{CUSTOMER}/tenants?filter[status]=active&page[size]=2"
    while path is not None:
        page = (await client.get(path)).json()
        assert len(page["data"]) <= 2
        seen += [(tenant["domain"], tenant["id"]) for tenant in page["data"]]
        path = page["meta"]["page"]["next"]
    assert len(seen) == 5
    assert seen == sorted(seen)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    micro=st.none()
    | st.integers(-(10**15), 10**15)
    | st.integers(-100, 100).map(lambda cents: cents * 10_000)
)
async def test_the_database_writes_money_as_the_rest_of_the_gateway_does(worker, micro):
    async with worker.connection() as connection:
        cursor = await connection.execute("select money(%s, 'EUR') as shown", [micro])
        assert (await cursor.fetchone())["shown"] == money(micro, "EUR")


async def test_a_discovered_tenant_is_listed_with_its_cost_until_it_is_linked(surfaces, worker):
    reseller, customer = surfaces["reseller"][1], surfaces["customer"][1]
    assert (await reseller.get("/unallocated")).json()["data"] == []
    async with worker.transaction() as tx:
        await tx.execute("update customers set status = 'unallocated' where customer_id = %s", [CUSTOMER])
        await tx.execute(
            "update subscriptions set quantity = 7, unit_cost_micro = 24000000, charge_cycle = 'P1Y', status = 'active'"
        )
        rows = await (await tx.execute("select count(*) as n from subscriptions")).fetchone()
    (found,) = (await reseller.get("/unallocated")).json()["data"]
    assert found["tenant_id"] == TENANT
    for query, count in (
        (f"filter[discovered_at][lte]={found['discovered_at']}", 1),
        (f"filter[discovered_at][gt]={found['discovered_at']}", 0),
        (f"filter[seats][gte]={found['seats']}&filter[domain][contains]=CONTOSO", 1),
    ):
        assert len((await reseller.get(f"/unallocated?{query}")).json()["data"]) == count, query
    # 7 seats x 24.00 a year / 12 months
    assert found["subscriptions"] == rows["n"]
    assert float(found["monthly_cost"]["amount"]) == 14 * rows["n"]
    assert (await customer.get("/unallocated")).status_code == 404
