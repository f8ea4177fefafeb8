"""Rows that an older version wrote show what newer ones do, as far as it was kept."""

import json

import psycopg
import pytest
from psycopg.rows import dict_row

from csp_runtime import migrate as migrations
from csp_testing.postgres import database_with
from csp_testing.screens import CUSTOMER, OPERATION, RESELLER, SUBSCRIPTION, TENANT

NEWER = "csp_gateway/0160"
PACKAGES = ["csp_runtime", "csp_gateway"]
AT = "2026-03-05T09:00:00Z"


database_url = database_with()


@pytest.fixture
def older(database_url, monkeypatch):
    """A database as it was before operations told all, with a row of each kind."""
    known = migrations.migrations_in
    with monkeypatch.context() as patch:
        patch.setattr(
            migrations,
            "migrations_in",
            lambda package: [
                each for each in known(package) if package != "csp_gateway" or each.name < NEWER
            ],
        )
        migrations.migrate(database_url, "gateway", PACKAGES)
    feed = {
        f"{OPERATION}:1": {"origin": "portal", "correlationid": "c-1"},
        f"{CUSTOMER}:1": {"origin": "microsoft", "subject": CUSTOMER, "sequence": "00000000000000000001"},
        f"{CUSTOMER}:2": {"origin": "api", "subject": CUSTOMER, "sequence": "00000000000000000002"},
    }
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set search_path to gateway, public")
        connection.execute(
            "insert into customers (customer_id, reseller_id, name, country, status, external_refs, version, created_at, updated_at) "
            "values (%s, %s, 'Contoso', 'DE', 'active', '{}', 1, %s, %s)",
            [CUSTOMER, RESELLER, AT, AT],
        )
        connection.execute(
            "insert into subscriptions (subscription_id, reseller_id, customer_id, tenant_id, microsoft_subscription_id, product, "
            "product_title, commerce, term, charge_cycle, quantity, status, auto_renew, seat_lots, currency, origin, started_at, "
            "version, updated_at) values (%s, %s, %s, %s, 'm', 'p', 'Basic', 'nce', 'P1Y', 'P1M', 5, 'active', true, '[]', 'EUR', "
            "'api', %s, 3, '2026-04-01T00:00:00Z')",
            [SUBSCRIPTION, RESELLER, CUSTOMER, TENANT, AT],
        )
        connection.execute(
            "insert into history (reseller_id, customer_id, subscription_id, version, what, effective_at, recorded_at, origin, actor, "
            "details, superseded) values (%s, %s, %s, 1, 'subscription-created', %s, '2026-03-05T09:00:01Z', 'api', 'a', '{}', false)",
            [RESELLER, CUSTOMER, SUBSCRIPTION, AT],
        )
        connection.execute(
            "insert into operations (operation_id, reseller_id, customer_id, kind, status, subject, requested_by, steps, resources, "
            "token, version, requested_at, updated_at) values (%s, %s, %s, 'subscription.suspend', 'succeeded', %s, 'a', "
            """'[{"name": "suspend", "status": "succeeded"}]', %s, '{}', 3, %s, %s)""",
            [OPERATION, RESELLER, CUSTOMER, SUBSCRIPTION, json.dumps([SUBSCRIPTION]), AT, AT],
        )
        for event_id, body in feed.items():
            kind = (
                "operations.operation-requested"
                if event_id.startswith(OPERATION)
                else "provisioning.customer-setting-changed"
            )
            connection.execute(
                "insert into feed (reseller_id, customer_id, visibility, type, body, event_id) values (%s, %s, 'customer', %s, %s, %s)",
                [RESELLER, CUSTOMER, f"csp.{kind}.v1", json.dumps(body), event_id],
            )
    return database_url


def test_what_was_kept_of_them_is_shown_and_the_rest_is_empty(older):
    applied = migrations.migrate(older, "gateway", PACKAGES)
    assert all(name >= NEWER for name in applied)
    assert len(applied) > 2
    with psycopg.connect(older, row_factory=dict_row) as connection:
        connection.execute("set search_path to gateway, public")
        customer, subscription, operation = (
            json.loads(connection.execute(f"select {shown} as shown from {table}").fetchone()["shown"])
            for table, shown in (
                ("customers", "shown"),
                ("subscriptions", "shown || shown_cost"),
                ("operations", "shown || shown_portal"),
            )
        )
    assert (customer["origin"], customer["version"], customer["labels"]) == ("microsoft", 2, {})
    assert (subscription["created_at"], subscription["labels"]) == ("2026-03-05T09:00:01.000000Z", {})
    assert (operation["origin"], operation["correlation_id"], operation["external_refs"]) == (
        "portal",
        "c-1",
        {},
    )
    assert operation["result"]["resources"][0]["href"] == f"/portal/v1/subscriptions/{SUBSCRIPTION}"
    assert operation["steps"] == [
        {
            "name": "suspend",
            "status": "succeeded",
            "attempts": 1,
            "next_attempt_at": None,
            "last_problem": None,
        }
    ]
