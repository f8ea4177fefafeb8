"""Small words for filling a world with a past."""

from datetime import datetime

from msgspec.structs import replace

from csp_partner_center_simulator.catalogue.countries import country as find_country
from csp_partner_center_simulator.clock.runner import run_until
from csp_partner_center_simulator.commerce import changes, licensing, people, purchasing, tenants
from csp_partner_center_simulator.commerce.wish import Wish
from csp_partner_center_simulator.partner_center.agreements import CUSTOMER_AGREEMENT, TEMPLATES
from csp_partner_center_simulator.state.customers import Address, Agreement, Customer, User
from csp_partner_center_simulator.state.orders import CartLine
from csp_partner_center_simulator.state.partners import Partner
from csp_partner_center_simulator.state.subscriptions import Subscription
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire.answer import instant
from csp_partner_center_simulator.wire.call import Actor


class Maker:
    """Fills a world on behalf of one partner."""

    def __init__(self, world: World, partner: Partner) -> None:
        self.world = world
        self.partner = partner

    @property
    def actor(self) -> Actor:
        """The partner's user."""
        return Actor(
            partner_id=self.partner.id,
            application_id=self.partner.client_id,
            user_id=self.partner.user_id,
            user_principal_name=self.partner.user_principal_name,
            correlation_id=self.world.new_id("made"),
        )

    def at(self, when: datetime) -> None:
        """Let the clock run to a time."""
        run_until(self.world, when)

    def customer(
        self,
        name: str,
        prefix: str,
        country: str,
        city: str,
        postal_code: str,
        *,
        state: str = "",
        reseller: str = "",
    ) -> Customer:
        """Make a customer that has accepted the agreement."""
        facts = find_country(country)
        culture = facts.cultures[0] if facts else "en-US"
        customer = tenants.create(
            self.world,
            self.partner,
            self.actor,
            company_name=name,
            domain=f"{prefix}.onmicrosoft.com",
            email=f"office@{prefix}.example",
            culture=culture,
            language=culture.partition("-")[0],
            address=Address(
                country=country,
                city=city,
                state=state,
                address_line1="1 Main Street",
                postal_code=postal_code,
                phone_number="5550100",
            ),
            first_name="Alex",
            last_name="Miller",
            associated_partner_id=reseller,
        )
        agreement = Agreement(
            type=CUSTOMER_AGREEMENT,
            template_id=TEMPLATES[CUSTOMER_AGREEMENT][0],
            date_agreed=instant(self.world.now) or "",
            user_id=self.partner.user_id,
            first_name="Alex",
            last_name="Miller",
            email=f"office@{prefix}.example",
        )
        return self.world.customers.put(replace(customer, agreements=(agreement,), usable_at=self.world.now))

    def buy(
        self,
        customer: Customer,
        item: str,
        quantity: int,
        *,
        term: str = "",
        cycle: str = "monthly",
        parent: str = "",
    ) -> Subscription:
        """Buy an item (`product:sku`, or a legacy offer id) as a cart would."""
        sku = self.world.catalogue.sku(*item.split(":")) if ":" in item else None
        if sku is not None:
            day = self.world.now.date()
            item = f"{item}:{self.world.catalogue.availability(sku, day, rotate=self.world.profile.rotate_availabilities)}"
        line = CartLine(
            number=0,
            catalog_item_id=item,
            quantity=quantity,
            billing_cycle=cycle,
            term=term,
            parent_subscription_id=parent,
        )
        if parent:
            order = self.world.orders[self.world.subscriptions[parent].order_id]
            order = purchasing.add_line(self.world, self.partner, customer, order, line, self.actor)
            return self.world.subscriptions[order.lines[-1].subscription_id]
        order = purchasing.place(self.world, self.partner, customer, [line], self.actor)
        return self.world.subscriptions[order.lines[0].subscription_id]

    def change(
        self,
        one: Subscription,
        *,
        quantity: int | None = None,
        status: str = "",
        auto_renew: bool | None = None,
    ) -> Subscription:
        """Change a subscription as a PATCH would."""
        now = self.world.subscriptions[one.id]
        wish = Wish(
            quantity=now.quantity if quantity is None else quantity,
            status=status or now.status,
            auto_renew=now.auto_renew if auto_renew is None else auto_renew,
            friendly_name=now.friendly_name,
            billing_cycle=now.billing_cycle,
            term=now.term,
            reseller_mpn=now.reseller_mpn,
            next_term=now.next_term,
            next_charge=now.next_charge,
        )
        return changes.change(self.world, now, wish, self.actor)

    def user(self, customer: Customer, first: str, last: str, *licensed: Subscription) -> User:
        """Make a user and assign it seats."""
        user = people.save(
            self.world,
            User(
                id=self.world.new_id("user"),
                customer_id=customer.id,
                user_principal_name=f"{first}.{last}@{customer.domain}".lower(),
                display_name=f"{first} {last}",
                first_name=first,
                last_name=last,
                usage_location=customer.country,
                created_at=self.world.now,
                changed_at=self.world.now,
            ),
            "created",
        )
        if licensed:
            assign: list[tuple[str, tuple[str, ...]]] = [(one.directory_sku_id, ()) for one in licensed]
            user = licensing.update(self.world, customer, user, assign=assign, remove=[])
        return user
