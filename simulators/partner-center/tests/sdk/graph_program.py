"""A program on Microsoft's Graph SDK; runs in an environment of its own against a simulator and prints what it got.

Arguments: the Graph base address, a token for the customer's directory, one for the partner's, the customer's tenant id, its
domain, a seat's SKU id, an invoice id. Prints one JSON object: step → result.
"""

import asyncio
import json
import sys
from uuid import UUID

from kiota_abstractions.authentication import AuthenticationProvider
from msgraph import GraphServiceClient
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.models.delegated_admin_access_assignment import DelegatedAdminAccessAssignment
from msgraph.generated.models.delegated_admin_access_container import DelegatedAdminAccessContainer
from msgraph.generated.models.delegated_admin_access_container_type import DelegatedAdminAccessContainerType
from msgraph.generated.models.delegated_admin_access_details import DelegatedAdminAccessDetails
from msgraph.generated.models.delegated_admin_relationship import DelegatedAdminRelationship
from msgraph.generated.models.delegated_admin_relationship_customer_participant import (
    DelegatedAdminRelationshipCustomerParticipant,
)
from msgraph.generated.models.delegated_admin_relationship_request import DelegatedAdminRelationshipRequest
from msgraph.generated.models.delegated_admin_relationship_request_action import (
    DelegatedAdminRelationshipRequestAction,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.partners.billing.attribute_set import AttributeSet
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.unified_role import UnifiedRole
from msgraph.generated.models.user import User
from msgraph.generated.reports.partners.billing.reconciliation.billed.microsoft_graph_partners_billing_export import (
    export_post_request_body,
)
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import (
    AssignLicensePostRequestBody,
)
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.graph_request_adapter import GraphRequestAdapter

USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
PAGES = 20


class Bearer(AuthenticationProvider):
    def __init__(self, token):
        self.token = token

    async def authenticate_request(self, request, additional_authentication_context=None):
        request.headers.add("Authorization", f"Bearer {self.token}")


def client(base, token):
    adapter = GraphRequestAdapter(Bearer(token))
    adapter.base_url = base
    return GraphServiceClient(request_adapter=adapter)


async def users(directory, domain, sku_id, told):
    made = await directory.users.post(
        User(
            account_enabled=True,
            display_name="Sam Baker",
            mail_nickname="sam",
            user_principal_name=f"sam@{domain}",
            usage_location="US",
            password_profile=PasswordProfile(
                password="Zx9!qwertyUU", force_change_password_next_sign_in=True
            ),
        )
    )
    told["made"] = {"name": made.display_name, "job": made.job_title, "mail": made.mail}
    one = directory.users.by_user_id(made.id)
    await one.patch(User(job_title="Baker"))
    told["job"] = (await one.get()).job_title
    seat = AssignedLicense(sku_id=UUID(sku_id), disabled_plans=[])
    given = await one.assign_license.post(
        AssignLicensePostRequestBody(add_licenses=[seat], remove_licenses=[])
    )
    told["licenses"] = [str(each.sku_id) for each in given.assigned_licenses]
    skus = await directory.subscribed_skus.get()
    told["consumed"] = {
        str(each.sku_id): [each.consumed_units, each.prepaid_units.enabled] for each in skus.value
    }
    wish = UsersRequestBuilder.UsersRequestBuilderGetRequestConfiguration(
        query_parameters=UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
            select=["id", "userPrincipalName"], top=1
        )
    )
    page = await directory.users.get(request_configuration=wish)
    names = []
    for _ in range(PAGES):
        names += [each.user_principal_name for each in page.value]
        if not page.odata_next_link:
            break
        page = await directory.users.with_url(page.odata_next_link).get()
    told["paged"] = names
    changes = await directory.users.delta.get()
    await one.delete()
    later = await directory.users.delta.with_url(changes.odata_delta_link).get()
    told["delta"] = [[each.id == made.id, each.additional_data.get("@removed")] for each in later.value]
    deleted = await directory.directory.deleted_items.graph_user.get()
    told["deleted"] = [each.id == made.id for each in deleted.value]
    restored = await directory.directory.deleted_items.by_directory_object_id(made.id).restore.post()
    told["restored"] = type(restored).__name__
    try:
        await directory.users.by_user_id(f"nobody@{domain}").get()
    except ODataError as refused:
        told["refused"] = [
            refused.response_status_code,
            refused.error.code,
            bool(refused.error.inner_error.date),
        ]


async def relationship(partner, customer_id, told):
    roles = DelegatedAdminAccessDetails(unified_roles=[UnifiedRole(role_definition_id=USER_ADMINISTRATOR)])
    all_of_them = partner.tenant_relationships.delegated_admin_relationships
    made = await all_of_them.post(
        DelegatedAdminRelationship(
            display_name="Help desk",
            additional_data={
                "duration": "P180D"
            },  # this SDK writes a timedelta in a form that no ISO 8601 reader knows
            customer=DelegatedAdminRelationshipCustomerParticipant(tenant_id=customer_id),
            access_details=roles,
        )
    )
    one = all_of_them.by_delegated_admin_relationship_id(made.id)
    asked = await one.requests.post(
        DelegatedAdminRelationshipRequest(action=DelegatedAdminRelationshipRequestAction.LockForApproval)
    )
    told["relationship"] = [made.duration.days, asked.status.value, (await one.get()).status.value]
    try:
        await one.access_assignments.post(
            DelegatedAdminAccessAssignment(
                access_container=DelegatedAdminAccessContainer(
                    access_container_id="11111111-1111-1111-1111-111111111111",
                    access_container_type=DelegatedAdminAccessContainerType.SecurityGroup,
                ),
                access_details=roles,
            )
        )
    except ODataError as refused:
        told["assigned too early"] = refused.response_status_code


async def export(partner, invoice_id, told):
    body = export_post_request_body.ExportPostRequestBody(
        invoice_id=invoice_id, attribute_set=AttributeSet.Full
    )
    billed = partner.reports.partners.billing.reconciliation.billed
    await billed.microsoft_graph_partners_billing_export.post(body)
    told["exported"] = True


async def main(base, directory_token, partner_token, customer_id, domain, sku_id, invoice_id):
    told = {}
    await users(client(base, directory_token), domain, sku_id, told)
    partner = client(base, partner_token)
    await relationship(partner, customer_id, told)
    await export(partner, invoice_id, told)
    sys.stdout.write(json.dumps(told))


asyncio.run(main(*sys.argv[1:]))
