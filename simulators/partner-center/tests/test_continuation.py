"""Going on with a list: tokens belong to one list, links lead on (PC 2.4, 10.2)."""

HEADER = "MS-ContinuationToken"


def token_of(page):
    return page["links"]["next"]["headers"][0]["value"]


async def test_pc_2_4_a_token_belongs_to_one_list_and_one_filter(demo):
    first, second = [one["id"] for one in (await demo.get("/v1/customers"))["items"]][:2]
    token = token_of(await demo.get(f"/v1/customers/{first}/users?size=1"))
    more = {"headers": {HEADER: token}}
    users = "users?size=1&seekOperation=Next"
    assert (await demo.call("GET", f"/v1/customers/{first}/{users}", **more)).status_code == 200
    assert (await demo.call("GET", f"/v1/customers/{second}/{users}", **more)).status_code == 400
    assert (await demo.call("GET", "/v1/customers?seekOperation=Next", **more)).status_code == 400
    other = '{"Field":"UserState","Value":"Inactive","Operator":"equals"}'
    wrong = await demo.call("GET", f"/v1/customers/{first}/{users}", params={"filter": other}, **more)
    assert wrong.status_code == 400


async def test_pc_2_4_one_can_seek_back_and_to_the_start_but_not_elsewhere(demo):
    whole = [one["id"] for one in (await demo.get("/v1/customers"))["items"]]
    page = await demo.get("/v1/customers?size=1")
    page = await demo.get("/v1/customers?seekOperation=Next", headers={HEADER: token_of(page)})
    after = {"headers": {HEADER: token_of(page)}}
    back = await demo.get("/v1/customers?size=1&seekOperation=previous", **after)
    assert [one["id"] for one in back["items"]] == whole[:1]
    start = await demo.get("/v1/customers?size=1&seekOperation=First", **after)
    assert [one["id"] for one in start["items"]] == whole[:1]
    nowhere = await demo.call("GET", "/v1/customers?size=1&seekOperation=Sideways", **after)
    assert (nowhere.status_code, nowhere.json()["code"]) == (400, 900126)


async def test_pc_10_2_the_older_path_of_line_items_leads_on_by_its_own_links(demo):
    invoices = (await demo.get("/v1/invoices"))["items"]
    for kind in ("G", "D"):
        uri = max(
            (one["invoiceDetails"][0]["links"]["self"]["uri"] for one in invoices if one["id"][0] == kind),
            key=lambda address: address,
        )
        whole = (await demo.get(f"/v1{uri}"))["items"]
        found, page = [], await demo.get(f"/v1{uri}?size=1&offset=0")
        while True:
            found += page["items"]
            following = page["links"].get("next")
            if following is None:
                break
            headers = {one["key"]: one["value"] for one in following["headers"]}
            page = await demo.get(f"/v1{following['uri']}", headers=headers)
        assert found == whole
        assert len(found) > 1


async def test_pc_8_filters_on_the_resource_type_can_be_joined_with_others(demo):
    customer = (await demo.get("/v1/customers"))["items"][0]["id"]
    await demo.call("PATCH", f"/v1/customers/{customer}/users/x")
    made = {
        "userPrincipalName": "new@harborbakery.onmicrosoft.com",
        "displayName": "New",
        "usageLocation": "US",
    }
    secret = {"passwordProfile": {"password": "Zx8!kkPq_1s", "forceChangePassword": True}}
    assert (await demo.call("POST", f"/v1/customers/{customer}/users", made | secret)).status_code == 200

    async def found(kind):
        both = (
            f'{{"Operator":"and","LeftFilter":{{"Field":"CustomerId","Value":"{customer}","Operator":"equals"}},'
            f'"RightFilter":{{"Field":"ResourceType","Value":"{kind}","Operator":"equals"}}}}'
        )
        records = await demo.get("/v1/auditrecords", params={"startDate": "2026-01-01", "filter": both})
        return [one["resourceType"] for one in records["items"]]

    assert await found("CustomerUser") == await found("customer_user") == ["customer_user"]
    assert await found("order") == []
