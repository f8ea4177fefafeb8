"""`csp demo`: one customer's first month, through the public REST API only; the sums can be checked by head."""

import re
import secrets
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from csp_cli.demo_api import DemoFailed, Person, World
from csp_cli.local_state import LocalState
from csp_runtime.auth import DevelopmentIssuer

GLOBAL_PRICE = "31.00"
CUSTOMER_PRICE = "24.80"
LEGACY_PRICE = "12.40"
LEGACY_COST = "9.30"
"""Multiples of 31: a day of a 31-day month costs a round amount."""

NEW_COMMERCE = "Microsoft 365 Business Standard"


def run(folder: Path) -> int:
    """Play the story against the platform that runs from this folder; the exit status."""
    console = Console(width=140)
    running = LocalState(folder).announced()
    if running is None:
        console.print(f"csp demo: no platform runs from {folder}; start one with `make run` (csp up)")
        return 1
    try:
        _play(World(running, DevelopmentIssuer(folder), console), folder)
    except DemoFailed as fault:
        console.print(f"[red]csp demo: {fault}[/]")
        return 1
    return 0


def _play(world: World, folder: Path) -> None:
    world.eventually(lambda: _is_synchronised(world), "the first synchronisation with Partner Center is over")
    first = _next_first_of_a_long_month(world.now().date())
    _say(world, f"0. The clock moves to {first}, the next 1st of a month with 31 days.")
    world.advance_to(first)
    world.events()
    customer_id, tenant = _add_customer_and_tenant(world, folder)
    product, legacy = _set_prices(world, customer_id)
    admin = world.customer(customer_id)
    subscription, legacy_subscription = _buy(world, admin, tenant, product, legacy)
    _change_and_assign(world, admin, tenant, subscription, first)
    _change_at_microsoft(world, tenant, subscription, legacy_subscription, first)
    _report(world, admin, customer_id, first)


def _is_synchronised(world: World) -> bool:
    """Whether everything that the reseller has at Microsoft already has been read, so that the story's own events stand alone."""
    first = world.reseller.get("/sync/status")["first_synchronisation"]
    return first is not None and first["finished_at"] is not None


def _add_customer_and_tenant(world: World, folder: Path) -> tuple[str, dict[str, Any]]:
    reseller = world.reseller
    _say(world, "1. The reseller adds a customer organisation, and a tenant for it.")
    name = f"demo{secrets.token_hex(4)}"
    address = {"line1": "1 Market Street", "city": "Seattle", "state": "WA", "country": "US"}
    contact = {"first_name": "Grace", "last_name": "Hopper", "email": f"grace@{name}.example"}
    wanted = {"name": f"Demo {name[4:]} Ltd", "address": address, "contact": contact}
    problem = reseller.refused("/customers", wanted)
    missing = ", ".join(f"{each['field']} ({each['reason']})" for each in problem["invalid_parameters"])
    _answer(world, f"{problem['status']} {problem['title']}: {missing}")
    customer = reseller.post("/customers", {**wanted, "address": {**address, "postal_code": "98101"}})
    customer_id = customer["id"]
    _answer(world, f"customer {customer_id}")

    taken = _taken_domain(world)
    answer = reseller.post("/domain-checks", {"domain": taken})
    _answer(world, f"domain {answer['domain']}: {'free' if answer['is_free'] else 'taken'}")
    problem = reseller.refused(
        f"/customers/{customer_id}/tenants", {"domain": taken, "agreement_accepted": True}
    )
    _answer(world, f"{problem['status']} {problem['title']}")
    operation = reseller.post(
        f"/customers/{customer_id}/tenants", {"domain": name, "agreement_accepted": True}
    )
    tenant: dict[str, Any] = reseller.get(f"/tenants/{operation['resources'][0]}")
    _answer(world, f"tenant {tenant['domain']} ({tenant['microsoft_tenant_id']})")
    mail = str(
        world.eventually(lambda: _mail_to(folder, contact["email"]), "the mail with the retrieval link")
    )
    link = re.search(r"http\S+/retrieve/\S+", mail)
    _answer(world, f"mail to {contact['email']}: one-time link {link.group(0)[:60] if link else '?'}…")
    world.eventually(
        lambda: reseller.get(f"/tenants/{tenant['id']}/users")["data"],
        "the tenant's administrator is in the list of users",
    )
    world.show_events()
    return customer_id, tenant


def _set_prices(world: World, customer_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    reseller = world.reseller
    _say(world, "2. The reseller sets a global price, and one for this customer alone.")
    categories = reseller.get("/catalogue/category")["data"]
    category = next(each for each in categories if each == "New commerce, commercial")
    chosen = {"filter[category]": category, "filter[term]": "P1Y", "filter[charge_cycle]": "P1M"}
    groups = reseller.get("/catalogue/product_group", **chosen)["data"]
    _answer(
        world,
        f"{len(categories)} categories; {category}: {len(groups)} product groups with P1Y, billed monthly",
    )
    product = _product(reseller, NEW_COMMERCE, chosen)
    legacy = _legacy_product(reseller, [each for each in categories if each.startswith("Legacy,")])
    valid_from = "2000-01-01"
    rules = [
        _rule(product, GLOBAL_PRICE, _currency(product), valid_from),
        _rule(legacy, LEGACY_PRICE, _currency(product), valid_from),
    ]
    reseller.post("/price-lists/global/rules", {"rules": rules}, if_match=reseller.tag("/price-lists/global"))
    reseller.post(
        f"/customers/{customer_id}/price-rules",
        {"rules": [_rule(product, CUSTOMER_PRICE, _currency(product), valid_from)]},
        if_match=reseller.tag(f"/price-lists/{customer_id}"),
    )
    # Microsoft has price sheets for new commerce alone: what a legacy seat costs is told by a file.
    row = (
        legacy["product"],
        legacy["term"],
        legacy["charge_cycle"],
        _currency(product),
        LEGACY_COST,
        valid_from,
    )
    reseller.upload(
        "/price-sheets", f"product,term,charge_cycle,currency,unit_price,valid_from\n{','.join(row)}\n"
    )
    shown = _product(reseller, NEW_COMMERCE, {**chosen, "customer_id": customer_id})
    _answer(
        world,
        f"{shown['title']}: price {_money(shown['price'])} ({shown['price_scope']}), cost {_money(shown['cost'])}, "
        f"margin {_money(shown['margin'])} = {shown['margin_percent']} %",
    )
    customers_view = _product(world.customer(customer_id), NEW_COMMERCE, chosen)
    hidden = {"cost", "margin", "margin_percent"} & set(customers_view)
    if hidden:
        raise DemoFailed(f"the customer sees {hidden}")
    _answer(world, f"the customer sees: price {_money(customers_view['price'])}, no cost, no margin")
    world.show_events()
    return product, legacy


def _buy(
    world: World,
    admin: Person,
    tenant: dict[str, Any],
    product: dict[str, Any],
    legacy: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    _say(
        world, "3. The customer's administrator buys 5 seats in self-service, and a legacy subscription of 3."
    )
    bought: list[dict[str, Any]] = []
    for item, quantity in ((product, 5), (legacy, 3)):
        quote = admin.post(
            "/quotes",
            {
                "product": item["product"],
                "term": item["term"],
                "charge_cycle": item["charge_cycle"],
                "quantity": quantity,
            },
        )
        line = {
            "product": item["product"],
            "quantity": quantity,
            "term": item["term"],
            "charge_cycle": item["charge_cycle"],
            "quote_id": quote["id"],
        }
        operation = admin.post("/orders", {"tenant_id": tenant["id"], "lines": [line]})
        subscription = admin.get(f"/subscriptions/{operation['resources'][0]}")
        bought.append(subscription)
        _answer(
            world,
            f"{subscription['name']}: {subscription['quantity']} seats at {_money(subscription['price'])}, "
            f"{subscription['status']}, renews {subscription['renews_on']}",
        )
    world.show_events()
    return bought[0], bought[1]


def _change_and_assign(
    world: World, admin: Person, tenant: dict[str, Any], subscription: dict[str, Any], first: date
) -> None:
    day = first.replace(day=5)
    _say(
        world,
        f"4. On {day}: 5 becomes 8, with the new monthly cost before confirming; a user with a licence.",
    )
    world.advance_to(day)
    path = f"/subscriptions/{subscription['id']}"
    preview = admin.post(f"{path}/change-previews", {"quantity": 8})
    _answer(
        world,
        f"preview: allowed={preview['allowed']}, {_money(preview['current_cycle_amount'])} becomes "
        f"{_money(preview['new_cycle_amount'])} a month; now "
        + ", ".join(f"{line['kind']} {_money(line['amount'])}" for line in preview["lines"]),
    )
    admin.post(f"{path}/change-quantity", {"quantity": 8})
    _answer(world, f"quantity {admin.get(path)['quantity']}")
    operation = admin.post(
        f"/tenants/{tenant['id']}/users",
        {
            "user_name": "ada",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "password_mode": "generate_and_mail",
            "mail_to": "ada@demo.example",
        },
    )
    user_id = operation["resources"][0]
    admin.post(f"/users/{user_id}/assign-licence", {"subscription_id": subscription["id"]})
    consumed = world.eventually(
        lambda: admin.get(path)["consumed"] == 1 and admin.get(path), "one licence is consumed"
    )
    users = admin.get(f"/tenants/{tenant['id']}/users")["data"]
    _answer(world, f"{len(users)} users; consumed {consumed['consumed']} of {consumed['quantity']}")
    world.show_events()


def _change_at_microsoft(
    world: World,
    tenant: dict[str, Any],
    subscription: dict[str, Any],
    legacy: dict[str, Any],
    first: date,
) -> None:
    day = first.replace(day=10)
    _say(
        world,
        f"5. On {day} somebody works in Partner Center itself: 8 becomes 10, the legacy one is suspended.",
    )
    world.advance_to(day)
    world.events()
    microsoft = tenant["microsoft_tenant_id"]
    ids = [each["external_refs"]["microsoft_subscription_id"] for each in (subscription, legacy)]
    world.act("change_quantity", microsoft, subscription_id=ids[0], quantity=10)
    world.act("suspend", microsoft, subscription_id=ids[1])
    path, legacy_path = f"/subscriptions/{subscription['id']}", f"/subscriptions/{legacy['id']}"
    world.eventually(lambda: world.reseller.get(path)["quantity"] == 10, "the quantity of 10 is seen")
    world.eventually(
        lambda: world.reseller.get(legacy_path)["status"] == "suspended", "the suspension is seen"
    )
    for each in (path, legacy_path):
        entries = world.reseller.get(f"{each}/history", **{"filter[origin]": "microsoft"})["data"]
        changes = [entry for entry in entries if entry["what"] != "effective_time_corrected"]
        if len(changes) != 1:
            raise DemoFailed(f"{each}: {len(changes)} changes of origin microsoft, expected one")
        _answer(
            world,
            f"{changes[0]['what']} at {changes[0]['effective_at']}, origin {changes[0]['origin']}, once",
        )
    world.show_events()


def _report(world: World, admin: Person, customer_id: str, first: date) -> None:
    day = first.replace(day=16)
    _say(world, f"6. On {day}: the billing report of the cycle that ended on the 15th, dated the 16th.")
    world.advance_to(day)
    sell = _report_with_the_refund(world, customer_id, day)
    report = admin.get(f"/billing-reports/{sell['id']}")
    table = Table("date", "subscription", "line", "reason", "service days", "seats", "amount", "why")
    for on in report["dates"]:
        for group in on["subscriptions"]:
            for line in group["lines"]:
                last = date.fromisoformat(line["period"]["until"]) - timedelta(days=1)
                period = f"{line['period']['from']} – {last}"
                table.add_row(
                    on["on"],
                    group["title"][:32],
                    line["kind"],
                    line["reason"],
                    period,
                    str(line["quantity"]),
                    line["amount"]["amount"],
                    line["why"]["text"],
                )
    table.add_row("", "", "", "", "", "", report["net"]["amount"], "total", style="bold")
    world.console.print(table)
    exported = admin.text(f"/billing-reports/{sell['id']}/export", format="csv")
    _answer(world, f"CSV export: {len(exported.splitlines()) - 1} lines")
    if report["net"]["amount"] != "224.00":
        raise DemoFailed(f"the report sums to {report['net']['amount']}, expected 224.00")
    _answer(
        world,
        "by head, at 0.80 a seat and day: 5 seats for 4 days = 16.00, 8 for 5 = 32.00, 10 for 22 = 176.00: 224.00; "
        "the legacy subscription was suspended in its first month, so all of it came back",
    )


def _report_with_the_refund(world: World, customer_id: str, day: date) -> dict[str, Any]:
    """The report, once billing has heard of what was done at Microsoft: no command of ours whose token could wait for it."""
    period = {"from": day.isoformat(), "until": day.isoformat(), "customer_id": customer_id}

    def found() -> list[dict[str, Any]]:
        reports = world.reseller.get("/billing-reports", **period)["data"]
        sell = [report for report in reports if report["ledger"] == "sell"]
        return [report for report in sell if _has_suspensions_refund(world, report["id"])]

    return world.eventually(found, "the refund of the suspended legacy subscription is in the report")[0]


def _has_suspensions_refund(world: World, report_id: str) -> bool:
    report = world.reseller.get(f"/billing-reports/{report_id}")
    lines = [line for on in report["dates"] for each in on["subscriptions"] for line in each["lines"]]
    return any(line["reason"] == "suspend" for line in lines)


def _next_first_of_a_long_month(today: date) -> date:
    year, month = today.year, today.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        if month in (1, 3, 5, 7, 8, 10, 12):
            return date(year, month, 1)


def _taken_domain(world: World) -> str:
    customers = world.eventually(
        lambda: world.reseller.get("/customers", **{"filter[status]": "unallocated"})["data"],
        "the demo world's customers are discovered",
    )
    tenants = world.reseller.get(f"/customers/{customers[0]['id']}/tenants")["data"]
    return str(tenants[0]["domain"])


def _product(person: Person, title: str, chosen: dict[str, str]) -> dict[str, Any]:
    for product in person.get("/products", **chosen, **{"page[size]": 500})["data"]:
        if product["title"] == title and not product["is_trial"] and not product["is_addon"]:
            named: dict[str, Any] = product
            return named
    raise DemoFailed(f"{title} is not in the catalogue")


def _legacy_product(person: Person, categories: list[str]) -> dict[str, Any]:
    for category in categories:
        chosen = {"filter[category]": category, "filter[charge_cycle]": "P1M"}
        for product in person.get("/products", **chosen, **{"page[size]": 500})["data"]:
            if not product["is_trial"] and not product["is_addon"] and product["minimum_quantity"] == 1:
                named: dict[str, Any] = product
                return named
    raise DemoFailed("there is no legacy offer in the catalogue")


def _rule(product: dict[str, Any], price: str, currency: str, valid_from: str) -> dict[str, Any]:
    return {
        "product": product["product"],
        "term": product["term"],
        "charge_cycle": product["charge_cycle"],
        "segment": product["segment"],
        "unit_price": price,
        "currency": currency,
        "valid_from": valid_from,
    }


def _currency(product: dict[str, Any]) -> str:
    return str((product["cost"] or {"currency": "USD"})["currency"])


def _mail_to(folder: Path, address: str) -> str | None:
    for path in sorted((folder / "mailbox").glob("*.eml")):
        text = path.read_text()
        if f"To: {address}" in text:
            return text
    return None


def _money(value: dict[str, str] | None) -> str:
    return "unknown" if value is None else f"{value['amount']} {value['currency']}"


def _say(world: World, text: str) -> None:
    world.console.print(f"\n[bold]{text}[/]", highlight=False)


def _answer(world: World, text: str) -> None:
    world.console.print(f"   → {text}", highlight=False)
