"""Customer tenants: made, joined, left; and which names are taken (PC 3)."""

import hashlib
from datetime import timedelta

from msgspec.structs import replace

from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.commerce import activity, people
from csp_partner_center_simulator.state.customers import Address, BillingProfile, Customer, Relation
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.call import Actor
from csp_partner_center_simulator.wire.errors import ApiError

# What a partner's GDAP template usually asks for; `change_gdap_roles` changes it.
USUAL_ROLES = (
    "Directory Readers",
    "Directory Writers",
    "Global Reader",
    "License Administrator",
    "User Administrator",
    "Privileged Authentication Administrator",
    "Privileged Role Administrator",
)
ALWAYS_TAKEN = frozenset({"contoso.onmicrosoft.com", "microsoft.onmicrosoft.com", "fabrikam.onmicrosoft.com"})


def domain_taken(world: World, domain: str) -> bool:
    """Tell whether a domain belongs to somebody."""
    return domain.lower() in ALWAYS_TAKEN or bool(world.customers.by("domain", domain))


def new_etag(world: World) -> str:
    """Give a billing profile's etag: a signed 64-bit number (PC 2.5)."""
    digest = hashlib.sha256(f"{world.seed}/etag/{world.next_number()}".encode()).digest()[:8]
    return str(int.from_bytes(digest, signed=True))


def create(
    world: World,
    partner: Partner,
    actor: Actor,
    *,
    company_name: str,
    domain: str,
    email: str,
    culture: str,
    language: str,
    address: Address,
    first_name: str = "",
    last_name: str = "",
    registration_number: str = "",
    associated_partner_id: str = "",
) -> Customer:
    """Make a customer tenant with its administrator; the input has been checked. 409 when the domain is taken."""
    if domain_taken(world, domain):
        raise ApiError(409, 600004, f"The domain {domain} is already taken.")
    if world.profile.integration_sandbox and len(world.customers.by("partner", partner.id)) >= 75:
        raise ApiError(403, 800066, "An integration sandbox account can have 75 customers.")
    now = world.now
    customer = world.customers.put(
        Customer(
            id=world.new_id("customer"),
            commerce_id=world.new_id("commerce"),
            company_name=company_name,
            domain=domain,
            domains=(domain,),
            billing=BillingProfile(
                id=world.new_id("billing profile"),
                email=email,
                culture=culture,
                language=language,
                company_name=company_name,
                address=address,
                etag=new_etag(world),
                first_name=first_name,
                last_name=last_name,
            ),
            created_at=now,
            usable_at=now + world.delay("customer", 5, 60),
            relations=(
                Relation(
                    partner_id=partner.id,
                    since=now,
                    gdap_roles=USUAL_ROLES,
                    standing_roles=USUAL_ROLES,
                    associated_partner_id=associated_partner_id,
                ),
            ),
            organization_registration_number=registration_number,
        )
    )
    people.add_administrator(world, customer)
    activity.record(
        world,
        actor,
        customer,
        "customer",
        "add_customer",
        new={
            "id": customer.id,
            "commerceId": customer.commerce_id,
            "companyProfile": {"tenantId": customer.id, "domain": domain, "companyName": company_name},
            "billingProfile": {
                "email": email,
                "culture": culture,
                "language": language,
                "companyName": company_name,
            },
            "relationshipToPartner": "reseller",
            "userCredentials": {"userName": "admin", "password": ""},
            "attributes": {"objectType": "Customer"},
        },
        data=(("PrimaryDomainName", domain), ("Relationship", "Reseller")),
        partner_id=partner.id,
    )
    return customer


def existing_tenant(world: World, *, company_name: str, domain: str, country: str) -> Customer:
    """Make a tenant that no partner has yet; its administrator signed up at Microsoft directly."""
    facts = find_country(country)
    culture = facts.cultures[0] if facts else "en-US"
    now = world.now
    customer = world.customers.put(
        Customer(
            id=world.new_id("customer"),
            commerce_id=world.new_id("commerce"),
            company_name=company_name,
            domain=domain,
            domains=(domain,),
            billing=BillingProfile(
                id=world.new_id("billing profile"),
                email=f"admin@{domain}",
                culture=culture,
                language=culture.partition("-")[0],
                company_name=company_name,
                address=Address(country=country.upper()),
                etag=new_etag(world),
            ),
            created_at=now - timedelta(days=400),
            usable_at=now,
        )
    )
    people.add_administrator(world, customer)
    return customer


def accept_relationship(world: World, partner: Partner, customer: Customer, actor: Actor) -> Customer:
    """Let the customer accept the partner's invitation: it appears in the partner's list (PC 3.6)."""
    if customer.relation(partner.id) is not None:
        raise ApiError(409, 409, f"{customer.company_name} already has a relationship with {partner.name}.")
    relation = Relation(
        partner_id=partner.id, since=world.now, gdap_roles=USUAL_ROLES, standing_roles=USUAL_ROLES
    )
    customer = world.customers.put(replace(customer, relations=(*customer.relations, relation)))
    audit = activity.record(
        world,
        actor,
        customer,
        "partner_customer_relationship",
        "reseller_relationship_accepted_by_customer",
        data=(("PrimaryDomainName", customer.domain), ("Relationship", "Reseller")),
        partner_id=partner.id,
    )
    activity.announce(
        world,
        partner.id,
        "reseller-relationship-accepted-by-customer",
        "Customer",
        f"{activity.API_HOST}/v1/customers/{customer.id}",
        audit,
        refs=(customer.id, ""),
    )
    return customer


def remove_relationship(world: World, partner: Partner, customer: Customer, actor: Actor | None) -> Customer:
    """End the reseller relationship; the partner must have suspended or ended every subscription first (PC 3.7).

    `actor` None: the customer's own admin ends it, who need not ask and who is not in the partner's log (PC 8).
    """
    running = actor and [
        one
        for one in world.subscriptions.by("customer", customer.id)
        if one.partner_id == partner.id and one.status in {"active", "pending"}
    ]
    if running:
        raise ApiError(
            400, 800040, f"{len(running)} subscriptions are still active; suspend or cancel them first."
        )
    left = tuple(one for one in customer.relations if one.partner_id != partner.id)
    customer = world.customers.put(replace(customer, relations=left))
    for tell in world.on_relation_end:
        tell(world, partner.id, customer.id)
    if actor is not None:
        activity.record(
            world,
            actor,
            customer,
            "partner_customer_relationship",
            "remove_partner_customer_relationship",
            data=(("PrimaryDomainName", customer.domain), ("Relationship", "None")),
            partner_id=partner.id,
        )
    return customer


def change_gdap_roles(
    world: World, partner: Partner, customer: Customer, roles: tuple[str, ...], actor: Actor
) -> Customer:
    """Set the GDAP roles the partner's users hold in the tenant; tells the partner by event."""
    relations = tuple(
        replace(one, gdap_roles=roles, standing_roles=roles) if one.partner_id == partner.id else one
        for one in customer.relations
    )
    customer = world.customers.put(replace(customer, relations=relations))
    event = "activated" if roles else "terminated"
    audit = activity.record(
        world,
        actor,
        customer,
        "granular_admin_relationship",
        f"granular_admin_relationship_{event}",
        new={"roles": list(roles), "at": instant(world.now)},
        partner_id=partner.id,
    )
    activity.announce(
        world,
        partner.id,
        f"granular-admin-relationship-{event}",
        "GranularAdminRelationship",
        f"https://partner.microsoft.com/granularAdminRelationships/{customer.id}",
        audit,
        refs=(customer.id, ""),
    )
    return customer
