"""The properties of a Graph user, and which of them come unasked (PC 13.1)."""

from typing import Any

from csp_partner_center_simulator.state.customers import User
from csp_partner_center_simulator.wire.answer import instant

# usageLocation, accountEnabled and assignedLicenses must be asked for (PC 13.1).
USUAL = (
    "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage", "surname", "userPrincipalName", "id",
)  # fmt: skip

# Kept as they were written; nothing here depends on them.
KEPT = (
    "city", "companyName", "country", "department", "mobilePhone", "officeLocation", "postalCode",
    "preferredLanguage", "state", "streetAddress",
)  # fmt: skip


def everything(user: User) -> dict[str, Any]:
    """Give all properties of a user."""
    return {
        "id": user.id,
        "businessPhones": [user.phone_number] if user.phone_number else [],
        "displayName": user.display_name,
        "givenName": user.first_name or None,
        "surname": user.last_name or None,
        "jobTitle": user.job_title or None,
        "mail": user.user_principal_name,
        "mailNickname": user.user_principal_name.partition("@")[0],
        "userPrincipalName": user.user_principal_name,
        "usageLocation": user.usage_location or None,
        "accountEnabled": user.account_enabled,
        "onPremisesImmutableId": user.immutable_id or None,
        "onPremisesSyncEnabled": True if user.last_directory_sync else None,
        "createdDateTime": instant(user.created_at),
        "deletedDateTime": instant(user.deleted_at),
        "userType": "Member",
        "otherMails": [],
        "proxyAddresses": [f"SMTP:{user.user_principal_name}"],
        "assignedPlans": [],
        "assignedLicenses": [{"disabledPlans": list(plans), "skuId": sku} for sku, plans in user.licenses],
        **dict.fromkeys(KEPT),
        **dict(user.more),
    }
