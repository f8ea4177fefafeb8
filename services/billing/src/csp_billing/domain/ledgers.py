"""Two ledgers from one timeline: what the customer pays (`sell`) and what Microsoft charges the reseller (`cost`), R5.8.

Both fold the same facts under the same keys; only the price book and the rounding differ, so each sell line finds its
cost line by key, for refunds and corrections too (D-22).
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from uuid import UUID

from csp_billing.domain.facts import Credited, Fact, PriceEdited
from csp_billing.domain.lines import LineKey
from csp_billing.domain.rules import Ledger, Rules


def facts_for(ledger: Ledger, facts: Iterable[Fact]) -> list[Fact]:
    """The facts that move a ledger: edits of the sales price and credits by hand never touch cost (R5.4)."""
    if ledger == "sell":
        return list(facts)
    return [fact for fact in facts if not isinstance(fact, PriceEdited | Credited)]


def rules_on(ledger: Ledger, rules: Rules) -> Rules:
    """Rules of a ledger: new-commerce cost rounds as Microsoft's own examples do, by reason (D-5)."""
    return replace(rules, microsoft_rounding=ledger == "cost" and rules.rule_set == "nce")


def line_id(ledger: Ledger, subscription: str, key: LineKey, revision: int) -> UUID:
    """The id of a line: the same whenever, wherever and however often it is computed (R10.1)."""
    name = f"{ledger}/{subscription}/{key}/{revision}"
    return UUID(bytes=blake2b(name.encode(), digest_size=16).digest())
