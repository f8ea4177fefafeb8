"""What was issued of a subscription before: the newest revision of each key, and to whom."""

from typing import NamedTuple

from csp_billing.domain.delta import Issued
from csp_billing.domain.lines import LineKey
from csp_billing.ports import ShownLine


class Was(NamedTuple):
    """The newest issued revision of a key, the customer in whose report it stands, and the day the rules post it on."""

    issued: Issued
    customer_id: str
    due: int


def remember(known: dict[LineKey, Was], shown: ShownLine, customer_id: str) -> None:
    """Take an issued line into what is known of its subscription. Revisions come in order, a reversal after its line.

    A rewrite of a key stays with the customer to whom the key was first issued.
    """
    posting = shown.posting
    key = posting.undoes or posting.line.key
    line = None if posting.undoes is not None else posting.line
    before = known.get(key)
    if before is None:
        known[key] = Was(Issued(line, posting.revision), customer_id, shown.due)
    else:
        due = shown.due if line is not None else before.due
        known[key] = Was(Issued(line, posting.revision), before.customer_id, due)
