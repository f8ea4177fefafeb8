"""SQL on tenants' rows names whose rows: a lint for `make check`.

A tenant table is one whose migration gives it a `reseller_id`. Every statement that reads, changes or deletes its rows names
`reseller_id` behind `where` or `on`, by itself or through a fragment of the same function; where a function is given a person's
`scope` and the table has a `customer_id`, that as well. Row-level security is the net below, not the rope.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
STATEMENT = re.compile(r"^\s*(select|with|update|delete|insert)\b")
USE = re.compile(r"(?<![\w.])(?:from|join|update|into)\s+(?:only\s+)?(\w+)(?![\w(.])")
TABLE = re.compile(r"create table (?:if not exists )?(\w+) \((.*?)\n\)", re.DOTALL)
ADDED = re.compile(r"alter table (\w+)\s+add column (\w+)")
SCOPES = {"reseller_id": ("reseller_id",), "customer_id": ("customer_id",)}
ALL_RESELLERS = "background work over all resellers; each row brings its own"
OWN_ID = "by an id that is made of the reseller (uuid5) and came from the row or the event itself"
ID_IS_THE_RIGHT = "the id is the secret: who has it may redeem it, once"

ALLOWED = {
    ("libs/runtime/src/csp_runtime/operations/claims.py", "open_operations"): ALL_RESELLERS,
    ("libs/runtime/src/csp_runtime/outgoing_mail.py", "outgoing_mail"): ALL_RESELLERS,
    ("libs/runtime/src/csp_runtime/seals.py", "seals"): ID_IS_THE_RIGHT,
    ("services/billing/src/csp_billing/closing/issuing.py", "cycles"): OWN_ID,
    (
        "services/billing/src/csp_billing/closing/watermark.py",
        "inbox",
    ): "a count over the whole log of record",
    ("services/billing/src/csp_billing/closing/worker.py", "cycles"): ALL_RESELLERS,
    ("services/billing/src/csp_billing/invoices/fetching.py", "invoice_fetches"): ALL_RESELLERS,
    ("services/billing/src/csp_billing/invoices/worker.py", "invoice_imports"): ALL_RESELLERS,
    ("services/billing/src/csp_billing/projections.py", "subscriptions"): OWN_ID,
    ("services/identity-sync/src/csp_identity_sync/names.py", "names_wanted"): ALL_RESELLERS,
    ("services/partner-feed/src/csp_partner_feed/adapters/inbox.py", "inbox"): ALL_RESELLERS,
    ("services/partner-feed/src/csp_partner_feed/adapters/persons.py", "observed_persons"): ALL_RESELLERS,
    ("services/partner-feed/src/csp_partner_feed/adapters/reads.py", "reads"): ALL_RESELLERS,
    ("services/partner-feed/src/csp_partner_feed/adapters/resources.py", "resources"): OWN_ID,
    ("services/partner-feed/src/csp_partner_feed/workers/keeper.py", "inbox"): ALL_RESELLERS,
    ("services/pricing/src/csp_pricing/sheets/daily_import.py", "resellers"): ALL_RESELLERS,
    ("services/pricing/src/csp_pricing/locks/changes.py", "price_changes"): ALL_RESELLERS,
    ("services/pricing/src/csp_pricing/locks/pending.py", "pending_locks"): ALL_RESELLERS,
}
"""Module and table, and why it needs no scope there. An entry that is not needed any more is a fault, too."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A statement that does not say whose rows it means."""

    path: Path
    line: int
    table: str
    missing: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: SQL on {self.table} without {self.missing} in its where"


def tenant_tables(migrations: list[Path]) -> dict[str, set[str]]:
    """The tables with a reseller, and which of the scope's columns they have."""
    found: dict[str, set[str]] = {}
    for path in migrations:
        text = path.read_text(encoding="utf-8")
        for table, body in TABLE.findall(text):
            found.setdefault(table, set()).update(
                set(SCOPES) & set(re.findall(r"^\s*(\w+) ", body, re.MULTILINE))
            )
        for table, column in ADDED.findall(text):
            found.setdefault(table, set()).update(set(SCOPES) & {column})
    return {table: columns for table, columns in found.items() if "reseller_id" in columns}


def faults_in(path: Path, tables: dict[str, set[str]]) -> Iterator[Fault]:
    """The faults of a module."""
    for line, statement, function in statements(ast.parse(path.read_text(encoding="utf-8"))):
        behind = " ".join(re.findall(r"\b(?:where|on|using) .*", statement)) + _filled_in(statement, function)
        takes_scope = function is not None and any(each.arg == "scope" for each in function.args.args)
        for table in sorted({name for name in USE.findall(statement) if name in tables}):
            if is_pure_insert(statement, table):
                continue
            if not re.search(r"reseller_id|scope\.reseller", behind):
                yield Fault(path, line, table, "reseller_id")
            elif takes_scope and "customer_id" in tables[table] and "customer_id" not in behind:
                yield Fault(path, line, table, "customer_id")


Function = ast.FunctionDef | ast.AsyncFunctionDef


def statements(module: ast.Module) -> Iterator[tuple[int, str, Function | None]]:
    """Each string that is a statement, on one line with what is filled in as `{…}`, and the function around it."""
    yield from _statements_below(module, None)


def _statements_below(node: ast.AST, function: Function | None) -> Iterator[tuple[int, str, Function | None]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
                for part in child.values
                if isinstance(part, ast.Constant | ast.FormattedValue)
            )
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            text = child.value
        else:
            yield from _statements_below(child, child if isinstance(child, Function) else function)
            continue
        flat = " ".join(text.split())
        if STATEMENT.match(flat):
            yield child.lineno, flat, function


def _filled_in(statement: str, function: Function | None) -> str:
    """What the function's other strings bring into the places that the statement leaves, and names that say so themselves."""
    places = re.findall(r"\{([^}]*)\}", statement)
    named = (
        " reseller_id customer_id" if any("SCOPED" in place or "scoped(" in place for place in places) else ""
    )
    if not places or function is None:
        return named
    return named + " ".join(
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not STATEMENT.match(node.value)
    )


def is_pure_insert(statement: str, table: str) -> bool:
    """Whether the statement only adds rows to this table, and changes none that is there."""
    others = [name for name in USE.findall(statement.replace(f"into {table}", "", 1)) if name == table]
    return f"into {table}" in statement and not others


def main() -> int:
    """Print the faults; the exit status."""
    shared = sorted((ROOT / "libs/runtime/src/csp_runtime/migrations").glob("*.sql"))
    faults: list[Fault] = []
    for package in [ROOT / "libs/runtime", *sorted((ROOT / "services").iterdir())]:
        tables = tenant_tables([*shared, *sorted(package.glob("src/*/migrations/*.sql"))])
        for module in sorted(package.glob("src/**/*.py")):
            faults += faults_in(module, tables)
    found = {(str(fault.path.relative_to(ROOT)), fault.table) for fault in faults}
    refused = [
        str(fault) for fault in faults if (str(fault.path.relative_to(ROOT)), fault.table) not in ALLOWED
    ]
    refused += [
        f"{module}: {table} is on the allow-list and need not be"
        for module, table in sorted(ALLOWED.keys() - found)
    ]
    print("\n".join(refused), end="\n" if refused else "")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
