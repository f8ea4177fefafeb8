"""Whatever form Microsoft gives an answer, the same is read from it (PC 2.3, 2.4): every read of the client, every form that is known."""

import json
import random
import re
from collections.abc import AsyncIterator
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta

import httpx
import pytest

from csp_partner_center import ClientSecret, Credentials, PartnerCenterSettings, Secret, connect, simulator
from csp_partner_center.reading import OpenEnum, fold
from csp_partner_center_simulator.embed import build
from csp_runtime.secret_box import SecretBox, new_key

BASE = "http://127.0.0.1:8787"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
WORDS = {
    "status", "billingCycle", "billingType", "operationStatus", "relationshipToPartner", "transactionType", "documentType",
    "capabilityStatus", "state",
}  # fmt: skip
SEEDS = range(4)


class Spoilt(httpx.AsyncBaseTransport):
    """Microsoft, whose answers take another form."""

    def __init__(self, inner):
        self._inner = inner
        self.spoil = None

    async def handle_async_request(self, request):
        response = await self._inner.handle_async_request(request)
        is_json = response.headers.get("content-type", "").startswith("application/json")
        if self.spoil is None or response.status_code != 200 or not is_json or "/v1/" not in request.url.path:
            return response
        body = self.spoil(json.loads((await response.aread()).decode("utf-8-sig")))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(
            200, content=content, headers={"Content-Type": "application/json; charset=utf-8"}
        )


@pytest.fixture
async def demo(database, clock) -> AsyncIterator[tuple]:
    """The demo world's first partner, its customer, a subscription, a user, invoices; and the hand that spoils."""
    service = build(data=None, world="demo", base_url=BASE)
    await service.start()
    transport = Spoilt(httpx.ASGITransport(service.app))
    try:
        async with httpx.AsyncClient(transport=transport) as http:
            told = (await http.get(f"{BASE}/_control/partners")).json()[0]
            client = connect(
                PartnerCenterSettings(cloud=simulator(BASE), first_rate=6000),
                database, clock, SecretBox.from_text(new_key()), http=http,
            )  # fmt: skip
            await client.save_credentials(
                Credentials(
                    reseller_id="res_north",
                    microsoft_tenant_id=told["tenant_id"],
                    client_id=told["client_id"],
                    proof=ClientSecret(secret=Secret(told["client_secret"])),
                    refresh_token=Secret(told["refresh_token"]),
                )
            )
            reseller = client.as_reseller("res_north")
            customers = [one async for page in reseller.customers.pages() for one in page.items]
            customer = customers[0].id
            subscriptions = (await reseller.subscriptions.of_customer(customer)).items
            users = [one async for page in reseller.users.pages(customer) for one in page.items]
            invoices = [one async for page in reseller.invoices.pages() for one in page.items]
            known = {
                "customer": customer,
                "subscription": next(one.id for one in subscriptions if one.is_new_commerce),
                "legacy": next(one.id for one in subscriptions if not one.is_new_commerce),
                "user": users[-1].id,
                "modern invoice": next(one.id for one in invoices if one.id.startswith("G")),
                "legacy invoice": next(one.id for one in invoices if one.id.startswith("D")),
                "order": (await reseller.orders.of_customer(customer)).items[0].id,
            }
            yield reseller, known, transport
    finally:
        await service.stop()


async def every(pages):
    return [item async for page in pages for item in whole(page)]


def whole(page):
    assert not page.unreadable
    return page.items


READS = {
    "customers": lambda p, k: every(p.customers.pages()),
    "customer": lambda p, k: p.customers.get(k["customer"]),
    "company profile": lambda p, k: p.customers.company_profile(k["customer"]),
    "billing profile": lambda p, k: p.customers.billing_profile(k["customer"]),
    "domains": lambda p, k: p.customers.custom_domains(k["customer"]),
    "invitation": lambda p, k: p.customers.relationship_request(),
    "qualifications": lambda p, k: p.customers.qualifications(k["customer"]),
    "subscriptions": lambda p, k: p.subscriptions.of_customer(k["customer"]),
    "subscription": lambda p, k: p.subscriptions.get(k["customer"], k["subscription"]),
    "add-ons": lambda p, k: p.subscriptions.addons(k["customer"], k["legacy"]),
    "provisioning": lambda p, k: p.subscriptions.provisioning(k["customer"], k["subscription"]),
    "end dates": lambda p, k: every(p.subscriptions.allowed_end_dates(k["customer"], "P1Y")),
    "orders": lambda p, k: p.orders.of_customer(k["customer"]),
    "order": lambda p, k: p.orders.get(k["customer"], k["order"], include_price=True),
    "order's provisioning": lambda p, k: p.orders.provisioning(k["customer"], k["order"]),
    "users": lambda p, k: every(p.users.pages(k["customer"])),
    "user": lambda p, k: p.users.get(k["customer"], k["user"]),
    "roles": lambda p, k: p.users.roles(k["customer"]),
    "subscribed SKUs": lambda p, k: p.licences.subscribed_skus(k["customer"]),
    "a user's licences": lambda p, k: p.licences.of_user(k["customer"], k["user"]),
    "activity": lambda p, k: every(p.audit.pages(start=date(2025, 12, 1))),
    "invoices": lambda p, k: every(p.invoices.pages()),
    "invoice": lambda p, k: p.invoices.get(k["modern invoice"]),
    "balances": lambda p, k: p.invoices.balances(),
    "legacy lines": lambda p, k: every(p.invoices.legacy_lines(k["legacy invoice"])),
    "lines": lambda p, k: every(p.invoices.lines(k["modern invoice"])),
    "offers": lambda p, k: p.catalogue.offer_addons("796B6B5F-613C-4E24-A17C-EBA730D49C02", "US"),
    "product": lambda p, k: p.catalogue.product("CFQ7TTC0LH18", "US"),
    "skus": lambda p, k: p.catalogue.skus("CFQ7TTC0LH18", "US"),
    "availabilities": lambda p, k: p.catalogue.availabilities("CFQ7TTC0LH18", "0001", country="US"),
    "promotions": lambda p, k: p.catalogue.promotions("US"),
    "agreements": lambda p, k: p.agreements.of_customer(k["customer"]),
    "upgrades": lambda p, k: p.transitions.upgrades(k["customer"], k["legacy"]),
    "eligibilities": lambda p, k: p.transitions.eligibilities(k["customer"], k["subscription"]),
    "country rules": lambda p, k: p.domains.country_rules("US"),
}


# Forms. Each takes decoded JSON and chance.


def over(value, change):
    """The value with `change` done to each object, the inner ones first."""
    if isinstance(value, dict):
        return change({name: over(one, change) for name, one in value.items()})
    if isinstance(value, list):
        return [over(one, change) for one in value]
    return value


def pascal(body, chance):
    def change(one):
        return {
            name[:1].upper() + name[1:] if chance.random() < 0.5 else name: each for name, each in one.items()
        }

    return over(body, change)


def widened(body, chance):
    return over(body, lambda one: {"futureMember": {"of": [1, None]}, **one, "anotherOne": None})


def marked(body, chance):
    return b"\xef\xbb\xbf" + json.dumps(body).encode()


def miscounted(body, chance):
    def change(one):
        return {
            name: chance.randint(-3, 10**6) if name == "totalCount" else each for name, each in one.items()
        }

    return over(body, change)


def unlinked(body, chance):
    """Links that are not needed to go on are missing."""
    return over(
        body, lambda one: {name: each for name, each in one.items() if name not in {"self", "previous"}}
    )


def texts_for_numbers(body, chance):
    def change(one):
        return {
            name: str(each)
            if isinstance(each, int | float) and not isinstance(each, bool) and chance.random() < 0.5
            else each
            for name, each in one.items()
        }

    return over(body, change)


def other_times(body, chance):
    def at(text):
        moment = datetime.fromisoformat(text[:19] + "+00:00")
        fraction = text[19:-1]
        shifted = (moment + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S")
        return chance.choice([text, text[:-1], f"{text[:-1]}+00:00", f"{shifted}{fraction}+02:00"])

    def change(one):
        return {
            name: at(each) if isinstance(each, str) and TIME.fullmatch(each) else each
            for name, each in one.items()
        }

    return over(body, change)


def shouted(body, chance):
    def word(text):
        return chance.choice([text, text.upper(), text.title().replace("_", "")])

    def change(one):
        return {
            name: word(each) if name in WORDS and isinstance(each, str) else each
            for name, each in one.items()
        }

    return over(body, change)


FORMS = [pascal, widened, marked, miscounted, unlinked, texts_for_numbers, other_times, shouted]


def plain(value):
    """What was read, without `raw`, which is kept as it came for writing it back."""
    if is_dataclass(value):
        if type(value).__name__ == "Answer":
            return plain(value.value)
        if hasattr(value, "items") and hasattr(value, "unreadable"):
            return plain(whole(value))
        told = [one.name for one in fields(value) if one.metadata.get("wire") != "" and one.name != "raw"]
        return {name: plain(getattr(value, name)) for name in told}
    if isinstance(value, OpenEnum):
        return ("word", fold(value.value), value.is_recognised)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {fold(str(name)): plain(one) for name, one in value.items()}
    return fold(value) if isinstance(value, str) else value


def difference(found, expected, path=""):
    """Where two readings differ first."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in found.keys() | expected.keys():
            if found.get(name) != expected.get(name):
                return difference(found.get(name), expected.get(name), f"{path}.{name}")
    if isinstance(found, list) and isinstance(expected, list):
        for one, other in zip(found, expected, strict=False):
            if one != other:
                return difference(one, other, f"{path}[]")
    return f"{path}: {found!r} for {expected!r}"


@pytest.mark.parametrize("form", FORMS, ids=lambda one: one.__name__)
async def test_every_read_takes_every_form(demo, form):
    reseller, known, transport = demo
    differing = {}
    for name, read in READS.items():
        transport.spoil = None
        expected = plain(await read(reseller, known))
        for seed in SEEDS:
            chance = random.Random(f"{name}/{seed}")
            transport.spoil = lambda body, chance=chance: form(body, chance)
            try:
                found = plain(await read(reseller, known))
            except Exception as fault:  # noqa: BLE001  # told with the others
                found = repr(fault)[:200]
            if found != expected:
                differing[name] = found if isinstance(found, str) else difference(found, expected)
    assert differing == {}


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("subscriptions", "status"),
        ("orders", "status"),
        ("activity", "operationStatus"),
        ("customers", "relationshipToPartner"),
    ],
)
async def test_an_unknown_word_in_one_item_does_not_stop_the_others(demo, name, member):
    reseller, known, transport = demo
    expected = plain(await READS[name](reseller, known))

    def spoil(body):
        if len(body.get("items", [])) > 1:
            body["items"][1][member] = "brandNewThing"
        return body

    transport.spoil = spoil
    found = plain(await READS[name](reseller, known))
    assert len(found) == len(expected) > 1
    assert [one for number, one in enumerate(found) if number != 1] == [
        one for number, one in enumerate(expected) if number != 1
    ]
    assert ("word", "brandnewthing", False) in found[1].values()
