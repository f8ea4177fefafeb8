"""A program on the Python client generated from Microsoft's own description of Partner Center (swagger, 2018).

Runs in an environment of its own against a simulator and prints what it got. Arguments: the base address, a token of the partner,
the customer's tenant id. Prints one JSON object: step → result; `reads` names each read with what its answer was understood as.
"""

import inspect
import json
import sys
import uuid

from microsoft.store.partnercenterservices import MicrosoftPartnerStoreApis, models
from msrest.authentication import BasicTokenAuthentication

OFFER = "796B6B5F-613C-4E24-A17C-EBA730D49C02"
CUSTOMER = "/customers/{customer_id}"
SUBSCRIPTION = f"{CUSTOMER}/subscriptions/{{subscription_id}}"
NOT_SENT = {"custom_headers", "raw", "operation_config", "ms_correlation_id", "ms_request_id"}


class Calls:
    """The client's operations by verb and path: their own names are numbered."""

    def __init__(self, base, token, **known):
        client = MicrosoftPartnerStoreApis(BasicTokenAuthentication({"access_token": token}), base)
        self.operations = {}
        self.known = {"version": "1", **known}
        for group in dir(client):
            found = getattr(client, group)
            verb = group.partition("vversion")[0]
            each = (
                [found]
                if callable(found)
                else [getattr(found, name) for name in dir(found) if name[0] != "_"]
            )
            for one in each:
                if hasattr(one, "metadata"):
                    self.operations[verb, one.metadata["url"].removeprefix("/v{version}")] = one

    def __call__(self, verb, path, *, raw=False, **given):
        operation = self.operations[verb, path]
        names = inspect.signature(operation).parameters
        filled = {name: value for name, value in {**self.known, **given}.items() if name in names}
        numbers = {"ms_correlation_id": str(uuid.uuid4()), "ms_request_id": str(uuid.uuid4())}
        return operation(raw=raw, **filled, **numbers)

    def reads(self):
        """Call each read that needs no more than what is known: path → status, whether it is built, what was understood."""
        told = {}
        for (verb, path), operation in self.operations.items():
            names = inspect.signature(operation).parameters.values()
            needed = {one.name for one in names if one.default is inspect.Parameter.empty} - NOT_SENT
            if verb == "get" and not needed - set(self.known):
                got = self(verb, path, raw=True)
                told[path] = [
                    got.response.status_code,
                    "X-Simulator" not in got.response.headers,
                    got.output is not None,
                ]
        return told


def model(name, **members):
    return getattr(models, f"MicrosoftPartnerSdkContractsV1{name}")(**members)


def buy(call, customer):
    line = model("OrderLineItem", line_item_number=0, offer_id=OFFER, quantity=5)
    wish = model("Order", reference_customer_id=customer, billing_cycle="monthly", line_items=[line])
    order = call("post", f"{CUSTOMER}/orders", order=wish)
    call.known |= {"order_id": order.id, "subscription_id": order.line_items[0].subscription_id}


def change(call, told):
    subscription = call("get", SUBSCRIPTION)
    told["bought"] = [subscription.quantity, subscription.status, subscription.billing_type]
    subscription.quantity = 8
    told["changed"] = call("patch", SUBSCRIPTION, subscription=subscription).quantity


def people(call, told):
    # It has no way to send a password, so the user is one who is there already.
    user = next(
        one
        for one in call("get", f"{CUSTOMER}/users").items
        if not one.user_principal_name.startswith("admin")
    )
    told["user"] = [user.state, user.usage_location]
    call.known["user_id"] = user.id
    user.display_name = "Sam"
    call("patch", f"{CUSTOMER}/users/{{user_id}}", user=user)
    told["renamed"] = call("get", f"{CUSTOMER}/users/{{user_id}}").display_name
    role = call("get", f"{CUSTOMER}/directoryroles").items[0]
    call.known["role_id"] = role.id
    members = f"{CUSTOMER}/directoryroles/{{role_id}}/usermembers"
    call("post", members, user_member=model("ContractsRoleManagementUserMember", id=user.id))
    told["roles"] = call("get", f"{CUSTOMER}/users/{{user_id}}/directoryroles").total_count
    call("delete", f"{members}/{{member_id}}", member_id=user.id)
    sku = call("get", f"{CUSTOMER}/subscribedskus").items[-1]
    wish = [model("UserLicenseManagementLicenseAssignment", sku_id=sku.product_sku.id)]
    call("post", f"{CUSTOMER}/users/{{user_id}}/licenseupdates", licenses_to_assign=wish)
    again = call("get", f"{CUSTOMER}/subscribedskus").items
    told["consumed"] = next(
        one.consumed_units - sku.consumed_units for one in again if one.product_sku.id == sku.product_sku.id
    )


def profiles(call, told):
    profile = call("get", f"{CUSTOMER}/profiles/billing")
    profile.default_address.city = "Tacoma"
    # This client takes etags for read-only and leaves them out.
    refused = call("put", f"{CUSTOMER}/profiles/billing", customer_billing_profile=profile, raw=True).response
    told["profile without etag"] = [refused.status_code, refused.json()["code"]]
    address = model(
        "Address",
        address_line1="1 Main Street",
        city="Seattle",
        state="WA",
        postal_code="98101",
        country="US",
    )
    told["address"] = call("post", "/validations/address", address=address, raw=True).response.json()


def main():
    base, token, customer = sys.argv[1:]
    call = Calls(
        base, token, customer_id=customer, offer_id=OFFER, country="US", country_code="US", domain_prefix="free-name",
        relationship_type="IsIndirectCloudSolutionProviderOf", currency="USD", region="US", vetting_version="current",
    )  # fmt: skip
    told = {}
    buy(call, customer)
    change(call, told)
    people(call, told)
    profiles(call, told)
    told["reads"] = call.reads()
    call("delete", f"{CUSTOMER}/users/{{user_id}}")
    gone = call("get", f"{CUSTOMER}/users/{{user_id}}")
    told["gone"] = [gone.state, gone.soft_deletion_time is not None]
    sys.stdout.write(json.dumps(told))


main()
