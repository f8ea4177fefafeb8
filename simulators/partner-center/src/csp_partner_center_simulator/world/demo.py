"""The demo world: two partners, six customers, three months of past."""

from datetime import UTC, datetime, timedelta

from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.world.making import Maker
from csp_partner_center_simulator.world.partners import make_direct, make_provider

BASIC = "CFQ7TTC0LH18:0001"
STANDARD = "CFQ7TTC0LDPB:0001"
PREMIUM = "CFQ7TTC0LCHC:0002"
PREMIUM_TRIAL = "CFQ7TTC0LCHC:0003"
OFFICE_E3 = "796B6B5F-613C-4E24-A17C-EBA730D49C02"  # legacy offers, by their ids of 2019
OFFICE_PREMIUM = "031C9E47-4802-4248-838E-778FB1D2CC05"


def build(world: World, now: datetime) -> None:
    """Play the past of the demo world so that it ends at `now`."""
    start = now - timedelta(days=92)
    world.clock.set(datetime(start.year, start.month, start.day, 9, 30, 12, 345_678, tzinfo=UTC))
    direct, provider = Maker(world, make_direct(world)), Maker(world, make_provider(world))
    begin = world.now

    bakery = direct.customer("Harbor Bakery", "harborbakery", "US", "Seattle", "98101", state="WA")
    basic = direct.buy(bakery, BASIC, 12, term="P1Y")
    e3 = direct.buy(bakery, _legacy(world, OFFICE_E3), 4)
    addon = next(
        (
            item
            for item in world.catalogue.addons_of(e3.offer_id)
            if "monthly" in item.billing_cycles and item.minimum == 1
        ),
        None,
    )
    if addon is not None:
        direct.buy(bakery, addon.product_id, 4, parent=e3.id)
    for first, last in (("Maya", "Lopez"), ("Owen", "Clark"), ("Ivy", "Nguyen")):
        direct.user(bakery, first, last, basic)
    direct.user(bakery, "Noah", "Reed", e3)

    direct.at(begin + timedelta(days=9))
    clinic = direct.customer("Lakeside Dental", "lakesidedental", "US", "Madison", "53703", state="WI")
    standard = direct.buy(clinic, STANDARD, 8, term="P1Y", cycle="annual")
    direct.user(clinic, "Ella", "Stone", standard)
    direct.user(clinic, "Liam", "Frost", standard)
    expiring = direct.buy(clinic, BASIC, 3, term="P1M")

    direct.at(begin + timedelta(days=17))
    studio = direct.customer("Prairie Design Studio", "prairiedesign", "US", "Omaha", "68102", state="NE")
    paused = direct.buy(studio, _legacy(world, OFFICE_PREMIUM), 6)
    suspended = direct.buy(studio, PREMIUM, 5, term="P1Y")
    direct.user(studio, "Zoe", "Hart", suspended)

    provider.at(begin + timedelta(days=24))
    elbe, donau = (one.mpn_id for one in provider.partner.resellers)
    werft = provider.customer("Elbwerft Logistik GmbH", "elbwerft", "DE", "Hamburg", "20095", reseller=elbe)
    seats = provider.buy(werft, PREMIUM, 20, term="P1Y")
    provider.user(werft, "Jonas", "Meyer", seats)
    provider.user(werft, "Lena", "Fischer", seats)
    atelier = provider.customer(
        "Atelier Lumière SARL", "atelierlumiere", "FR", "Lyon", "69002", reseller=donau
    )
    provider.user(atelier, "Chloé", "Martin", provider.buy(atelier, STANDARD, 4, term="P1M"))

    direct.at(begin + timedelta(days=40))
    direct.change(basic, quantity=15)
    direct.change(e3, quantity=6)
    direct.change(expiring, auto_renew=False)
    direct.change(paused, status="suspended")
    direct.change(suspended, status="suspended")

    direct.at(begin + timedelta(days=61))
    school = direct.customer("Cedar Learning Center", "cedarlearning", "US", "Austin", "73301", state="TX")
    direct.buy(school, PREMIUM_TRIAL, 25, term="P1M", cycle="none")
    direct.user(school, "Ruth", "Bell")
    provider.change(seats, quantity=24)

    direct.at(now)


def _legacy(world: World, wanted: str) -> str:
    """Give the legacy offer, or where an own list of offers lacks it, another that sells like it."""
    if world.catalogue.offer(wanted) is not None:
        return wanted
    alike = [
        item.product_id
        for item in world.catalogue.offers.values()
        if not item.is_addon
        and not item.is_trial
        and "monthly" in item.billing_cycles
        and item.minimum <= 4
        and item.maximum >= 6
        and item.segment == "commercial"
    ]
    if not alike:
        raise UnfitCatalogueError(
            "The demo world needs a commercial legacy offer that is billed monthly; use --world empty."
        )
    return alike[0]


class UnfitCatalogueError(ValueError):
    """The catalogue lacks what the demo world sells."""
