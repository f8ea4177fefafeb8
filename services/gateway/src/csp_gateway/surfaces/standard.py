"""What every object has (`models.base.Resource`), added to what its owner tells of it."""

from collections.abc import Mapping
from typing import Any

from csp_gateway.models.base import Resource
from csp_gateway.models.users import User
from csp_gateway.surfaces.common import Surface

Row = dict[str, Any]
_USER = tuple(name for name in User.model_fields if name == "id" or name not in Resource.model_fields)


def standard(
    surface: Surface,
    path: str | None,
    links: Mapping[str, str | None],
    *,
    created_at: Any = None,
    updated_at: Any = None,
    version: int | None = None,
    origin: str | None = None,
    external_refs: Mapping[str, str | None] | None = None,
) -> Row:
    """The standard fields of an object that is read at `path`, None where it has no address; `links` are paths as well."""
    named = {"self": path, **links}
    return {
        "created_at": created_at,
        "updated_at": updated_at,
        "version": version,
        "origin": origin,
        "external_refs": dict(external_refs or {}),
        "links": {name: None if to is None else f"{surface.path}{to}" for name, to in named.items()},
    }


def report(surface: Surface, row: Row) -> Row:
    """A billing report."""
    path = f"/billing-reports/{row['id']}"
    links = {name: f"{path}/{name}" for name in ("lines", "taxes", "export")}
    if surface.with_cost:
        links["customer"] = f"/customers/{row['customer_id']}"
    return row | standard(surface, path, links, updated_at=row["issued_at"], origin="system")


def cycle(surface: Surface, row: Row) -> Row:
    """A report cycle."""
    path = f"/billing-cycles/{row['id']}"
    times = {"created_at": row["started_at"], "updated_at": row["closed_at"]}
    return row | standard(surface, path, {}, version=row["version"], origin="system", **times)


def invoice_import(surface: Surface, row: Row) -> Row:
    """An invoice that was taken in."""
    path = f"/invoice-imports/{row['id']}"
    signed = row["signed_off"]
    changed = (signed or {"at": row["matched_at"]})["at"] or row["imported_at"]
    times = {"created_at": row["imported_at"], "updated_at": changed}
    refs = {"microsoft_invoice_id": row["invoice_id"]}
    links = {"matches": f"{path}/matches"}
    return row | standard(surface, path, links, origin="import", external_refs=refs, **times)


def invoice_match(surface: Surface, row: Row) -> Row:
    """Rows of an invoice against lines of ours."""
    customer, subscription = row["customer_id"], row["subscription_id"]
    links = {
        "import": f"/invoice-imports/{row['import_id']}",
        "decide": f"/invoice-matches/{row['id']}/decide",
        "customer": None if customer is None else f"/customers/{customer}",
        "subscription": None if subscription is None else f"/subscriptions/{subscription}",
    }
    decided = row["decision"] and row["decision"]["decided_at"]
    refs = row["external_refs"]
    return row | standard(surface, None, links, updated_at=decided, origin="import", external_refs=refs)


def invoice_fetch(surface: Surface, row: Row) -> Row:
    """A fetch of an invoice."""
    taken = row["import_id"]
    links = {"import": None if taken is None else f"/invoice-imports/{taken}"}
    times = {"created_at": row["asked_at"], "updated_at": row["ended_at"] or row["asked_at"]}
    refs = {"microsoft_invoice_id": row["invoice_id"]}
    path = f"/invoice-fetches/{row['id']}"
    return row | standard(surface, path, links, origin="api", external_refs=refs, **times)


def adjustment(surface: Surface, row: Row) -> Row:
    """A credit or a charge by hand."""
    links = {
        "customer": f"/customers/{row['customer_id']}",
        "subscription": f"/subscriptions/{row['subscription_id']}",
    }
    path = f"/adjustments/{row['id']}"
    times = {"created_at": row["granted_at"], "updated_at": row["granted_at"]}
    return row | standard(surface, path, links, version=1, origin="api", **times)


def drift(surface: Surface, row: Row) -> Row:
    """A difference between us and Microsoft."""
    links = {"decision": f"/drifts/{row['id']}/decision", "tenant": f"/tenants/{row['tenant_id']}"}
    times = {"created_at": row["found_at"], "updated_at": row["resolved_at"] or row["found_at"]}
    return row | standard(surface, None, links, origin="reconciliation", **times)


def price_list(surface: Surface, row: Row) -> Row:
    """A price list."""
    path = f"/price-lists/{row['id']}"
    return row | standard(surface, path, {"rules": f"{path}/rules"}, version=row["version"])


def price_rule(surface: Surface, row: Row, whose: str) -> Row:
    """A row of a price list."""
    path = f"/price-lists/{whose}"
    return row | standard(surface, f"{path}/rules/{row['id']}", {"list": path}, version=row["version"])


def price_edit(surface: Surface, row: Row, subscription_id: str) -> Row:
    """A historic edit of a sales price."""
    links = {"subscription": f"/subscriptions/{subscription_id}"}
    times = {"created_at": row["edited_at"], "updated_at": row["edited_at"]}
    return row | standard(surface, None, links, version=1, origin="api", **times)


def user(surface: Surface, row: Row) -> Row:
    """A user of a directory. When one was changed, and by whom, its owner does not keep beside the person."""
    links = {"tenant": f"/tenants/{row['tenant_id']}"}
    made = {"created_at": row["created_at"], "external_refs": {"microsoft_user_id": row["microsoft_user_id"]}}
    shown = {name: row[name] for name in _USER}
    return shown | standard(surface, f"/users/{row['id']}", links, version=row["version"], **made)
