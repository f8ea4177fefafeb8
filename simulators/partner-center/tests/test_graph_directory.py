"""What Graph tells of a customer's directory besides its users: organization, domains, roles, licenses (PC 13, 1.2)."""

import pytest

USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"


@pytest.fixture
async def directory(demo):
    """Read from the directory of a customer that has users with licenses."""
    customer = (await demo.get("/v1/customers?size=0"))["items"][0]
    token = await demo.token(audience="graph", customer_id=customer["id"], lifetime_seconds=400_000_000)

    async def call(method, path, json=None, expect=200, **headers):
        sent = {"Authorization": f"Bearer {token}", **headers}
        answer = await demo.http.request(method, f"/graph/v1.0/{path}", json=json, headers=sent)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    call.customer = customer
    return call


async def test_the_organization_is_the_tenant_with_its_domains(directory):
    profile = directory.customer["companyProfile"]
    one = (await directory("GET", "organization"))["value"][0]
    assert (one["id"], one["displayName"]) == (directory.customer["id"], profile["companyName"])
    assert [each["name"] for each in one["verifiedDomains"] if each["isInitial"]] == [profile["domain"]]
    only = await directory("GET", f"organization/{one['id']}?$select=displayName")
    assert only["displayName"] == one["displayName"]
    assert "verifiedDomains" not in only
    names = [each["id"] for each in (await directory("GET", "domains"))["value"]]
    assert names == [each["name"] for each in one["verifiedDomains"]]
    assert (await directory("GET", f"domains/{names[0]}"))["isVerified"] is True
    refused = await directory("GET", "domains/elsewhere.example", expect=404)
    assert refused["error"]["code"] == "Request_ResourceNotFound"


async def test_roles_tell_their_template_and_who_holds_them(directory):
    roles = (await directory("GET", "directoryRoles"))["value"]
    admin = next(one for one in roles if one["displayName"] == "Global Administrator")
    members = (await directory("GET", f"directoryRoles/{admin['id']}/members"))["value"]
    assert [one["userPrincipalName"].partition("@")[0] for one in members] == ["admin"]
    by_template = await directory("GET", f"directoryRoles?$filter=roleTemplateId eq '{USER_ADMINISTRATOR}'")
    assert [one["displayName"] for one in by_template["value"]] == ["User Administrator"]


async def test_license_details_name_the_plans_of_each_license_and_which_are_off(directory):
    sku = (await directory("GET", "subscribedSkus"))["value"][0]
    user = (await directory("GET", "users?$select=id,assignedLicenses"))["value"][0]
    off = sku["servicePlans"][0]["servicePlanId"]
    await directory("PATCH", f"users/{user['id']}", {"usageLocation": "US"}, expect=204)
    wish = {"addLicenses": [{"skuId": sku["skuId"], "disabledPlans": [off]}], "removeLicenses": []}
    await directory("POST", f"users/{user['id']}/assignLicense", wish)
    details = (await directory("GET", f"users/{user['id']}/licenseDetails"))["value"]
    assert [one["skuPartNumber"] for one in details] == [sku["skuPartNumber"]]
    states = {plan["servicePlanId"]: plan["provisioningStatus"] for plan in details[0]["servicePlans"]}
    assert states.pop(off) == "Disabled"
    assert set(states.values()) == {"Success"}


async def test_pc_13_1_what_is_written_to_a_user_is_read_back(directory):
    domain = directory.customer["companyProfile"]["domain"]
    name = f"nora@{domain}"
    form = {
        "accountEnabled": True, "displayName": "Nora", "mailNickname": "nora.b", "userPrincipalName": name,
        "passwordProfile": {"password": "Zx9!qwertyUU"}, "city": "Oslo", "mobilePhone": "+1 000 000 0000",
        "businessPhones": ["+1 000 000 0001"],
    }  # fmt: skip
    made = await directory("POST", "users", form, expect=201)
    assert (made["mobilePhone"], made["businessPhones"]) == ("+1 000 000 0000", ["+1 000 000 0001"])
    await directory("PATCH", f"users/{made['id']}", {"department": "Sales", "city": None}, expect=204)
    told = await directory("GET", f"users/{made['id']}?$select=city,department,mailNickname,mobilePhone")
    told.pop("@odata.context")
    assert told == {
        "city": None,
        "department": "Sales",
        "mailNickname": "nora.b",
        "mobilePhone": "+1 000 000 0000",
    }


async def test_pc_13_4_a_refusal_names_the_same_request_in_header_and_body(demo):
    sent = {"client-request-id": "11111111-2222-4333-8444-555555555555"}
    answer = await demo.http.get("/graph/v1.0/users", headers=sent)
    inner = answer.json()["error"]["innerError"]
    assert answer.headers["request-id"] == inner["request-id"]
    assert answer.headers["client-request-id"] == inner["client-request-id"] == sent["client-request-id"]
    fine = await demo.http.get("/graph/v1.0/users/delta", headers={"Prefer": "return=minimal", **sent})
    assert fine.status_code == 401


async def test_pc_13_5_a_minimal_delta_says_that_it_is_one(demo):
    customer = (await demo.get("/v1/customers?size=0"))["items"][0]["id"]
    token = await demo.token(audience="graph", customer_id=customer)
    sent = {"Authorization": f"Bearer {token}", "Prefer": "return=minimal"}
    answer = await demo.http.get("/graph/v1.0/users/delta?$select=displayName,jobTitle", headers=sent)
    assert answer.headers["preference-applied"] == "return=minimal"
    assert all(set(one) == {"id", "displayName"} for one in answer.json()["value"])
