"""Makes partners with their application, user and refresh token."""

from csp_partner_center_simulator.auth.tokens import fingerprint
from csp_partner_center_simulator.billing import invoicing
from csp_partner_center_simulator.catalogue.countries import currency_of
from csp_partner_center_simulator.state.partners import Grant, IndirectReseller, Partner
from csp_partner_center_simulator.state.world import World


def make(
    world: World,
    name: str,
    country: str,
    *,
    currency: str = "",
    kind: str = "direct",
    billing_day: int = 15,
    resellers: tuple[str, ...] = (),
) -> Partner:
    """Make a partner tenant; its secrets are part of the world and no secrets to anybody."""
    number = world.next_number()
    slug = "".join(letter for letter in name.lower() if letter.isalnum())
    token = f"0.{world.new_hex('refresh', 48)}"
    partner = world.partners.put(
        Partner(
            id=world.new_id("partner"),
            name=name,
            kind="provider" if kind == "provider" else "direct",
            country=country.upper(),
            currency=currency.upper() or currency_of(country),
            mpn_id=str(4_391_500 + number),
            client_id=world.new_id("client"),
            client_secret=world.new_hex("client secret", 40),
            refresh_token=token,
            user_id=world.new_id("partner user"),
            user_principal_name=f"admin@{slug}.onmicrosoft.com",
            billing_day=billing_day,
            created_at=world.now,
            resellers=tuple(
                IndirectReseller(
                    mpn_id=str(5_300_000 + world.next_number()), name=one, tenant_id=world.new_id("reseller")
                )
                for one in resellers
            ),
        )
    )
    world.grants.put(
        Grant(
            id=fingerprint(token),
            partner_id=partner.id,
            user_id=partner.user_id,
            user_principal_name=partner.user_principal_name,
            roles=("AdminAgents",),
            mfa=True,
            used_at=world.now,
        )
    )
    invoicing.plan(world, partner)
    return partner


def make_direct(world: World) -> Partner:
    """Make the direct-bill partner in the United States."""
    return make(world, "Northwind Cloud Services", "US")


def make_provider(world: World) -> Partner:
    """Make the indirect provider in Europe, with two resellers below it."""
    return make(
        world, "Blauwasser Distribution", "DE", kind="provider", resellers=("Elbe IT", "Donau Systems")
    )
