"""From which day a customer's reports can still be posted on, and from which its corrections are not posted yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import psycopg

from csp_billing.adapters.ledger_reader import bucket_of, shard_of
from csp_billing.domain.rules import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDays:
    """`usual` is the first day of the reseller's first cycle that is not closed; `others` differ from it.

    A report that was issued by itself opens later, one that is blocked or held keeps its window open. `settled` are
    customers whose shard of a close at work is done, with the day behind it. `unposted` are
    customers with windows behind `usual` of which not all is posted: blocked, held, or carried forward.
    """

    usual: date
    others: dict[tuple[str, Ledger, str], int]
    settled: dict[str, int]
    unposted: dict[str, date]

    @property
    def all_usual(self) -> bool:
        """Whether nobody's day is another one."""
        return not self.others and not self.settled

    def first(self, customer_id: str, ledger: Ledger, currency: str) -> int:
        """The first day that can still be posted on."""
        usual = self.usual.toordinal()
        if self.all_usual:
            return usual
        return self.others.get((customer_id, ledger, currency), self.settled.get(customer_id, usual))

    def unposted_since(self, customer_id: str) -> date:
        """The first day of the first window of which something may still have to be posted."""
        return min(self.usual, self.unposted.get(customer_id, self.usual))


def open_days(
    connection: psycopg.Connection,
    reseller: str,
    usual: date,
    customers: Sequence[str],
    *,
    may_be_ahead: bool = True,
) -> OpenDays:
    """The open days of customers; reads only reports that are open in some way, or newer than `usual`.

    `may_be_ahead` is false where nothing newer than `usual` was issued or settled.
    """
    others: dict[tuple[str, Ledger, str], int] = {}
    settled: dict[str, int] = {}
    if may_be_ahead:
        for customer_id, ledger, currency, until_on in connection.execute(
            "select customer_id, ledger, currency, max(until_on) from reports where reseller_id = %s and until_on > %s "
            "and customer_id = any(%s) and state in ('issued', 'carried') group by 1, 2, 3",
            [reseller, usual, list(customers)],
        ):
            others[customer_id, ledger, currency] = until_on.toordinal()
        settled = _settled(connection, reseller, usual, customers)
    unposted: dict[str, date] = {}
    for customer_id, ledger, currency, from_on, state in connection.execute(
        "select r.customer_id, r.ledger, r.currency, min(r.from_on), r.state from reports r where r.reseller_id = %s "
        "and r.customer_id = any(string_to_array(%s, chr(10))) and (r.state in ('blocked', 'held') or r.state = 'carried' and not exists ("
        "select from reports l where l.reseller_id = r.reseller_id and l.customer_id = r.customer_id and l.ledger = r.ledger "
        "and l.currency = r.currency and l.until_on > r.until_on and l.state = 'issued')) group by 1, 2, 3, 5",
        [reseller, "\n".join(customers)],
    ):
        unposted[customer_id] = min(from_on, unposted.get(customer_id, from_on))
        if state != "carried":
            others[customer_id, ledger, currency] = from_on.toordinal()
    return OpenDays(usual=usual, others=others, settled=settled, unposted=unposted)


def _settled(
    connection: psycopg.Connection, reseller: str, usual: date, customers: Sequence[str]
) -> dict[str, int]:
    """Customers whose shard of the reseller's close at work is done, with the first day behind its window."""
    rows = connection.execute(
        "select known.name, c.until_on from unnest(%s::text[]) as known (name) join cycles c on c.reseller_id = %s "
        "and c.state = 'closing' and c.until_on > %s join close_shards s on s.cycle_id = c.cycle_id "
        f"and s.done_at is not null and s.shard = {shard_of(bucket_of('known.name'), 's.of_shards')}",
        [list(customers), reseller, usual],
    )
    return {name: until_on.toordinal() for name, until_on in rows}
