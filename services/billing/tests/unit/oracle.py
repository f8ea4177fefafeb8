"""A slow second opinion on amounts: one exact fraction per subscription and day. Shares no code with the core.

It knows nothing of lines, keys, refunds or rounding. For each day of each begun charge cycle it asks what is owed for
that day, given everything effective up to `as_of`.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

ONE_DAY = timedelta(days=1)


def owed(story: dict[str, Any], as_of: date) -> Fraction:
    """What all subscriptions of the story owe when everything up to a day is billed, in units of the currency."""
    names = {event["subscription"] for event in story["timeline"]}
    return sum((_Subscription(story, name, as_of).owed() for name in names), Fraction(0))


def seat_days(story: dict[str, Any], as_of: date) -> int:
    """Seats × days that all begun cycles owe for, where nothing is edited or free: what is owed at a price of 1 a day."""
    flat = story | {"prices": [row | {"unit_price": "1"} for row in story["prices"]]}
    total = Fraction(0)
    for name in {event["subscription"] for event in story["timeline"]}:
        subscription = _Subscription(flat, name, as_of)
        if subscription.events:
            total += sum((sum(days.values(), Fraction(0)) for days, _ in subscription.cycles()), Fraction(0))
    return int(total)


def add_months(day: date, months: int, *, anchor: int | None = None) -> date:
    month = day.year * 12 + day.month - 1 + months
    year, month = divmod(month, 12)
    return date(year, month + 1, min(anchor or day.day, monthrange(year, month + 1)[1]))


class _Subscription:
    def __init__(self, story: dict[str, Any], name: str, as_of: date) -> None:
        self.rule_set = story["rule_set"]
        self.months = {"P1M": 1, "P1Y": 12}[story["calendar"]["frequency"]]
        self.prices = {row["product"]: Fraction(row["unit_price"]) for row in story["prices"]}
        self.as_of = as_of
        self.events = sorted(
            (
                (date.fromisoformat(event["effective_on"]), event["seq"], event)
                for event in story["timeline"]
                if event["subscription"] == name and date.fromisoformat(event["effective_on"]) <= as_of
            ),
            key=lambda event: event[:2],
        )
        custom_end = self.events[0][2].get("term_end_on") if self.events else None
        if custom_end is not None:
            renewal = date.fromisoformat(custom_end) + ONE_DAY
            self.events.append((renewal, -1, {"event": "renewal"}))
            self.events.sort(key=lambda event: event[:2])
        self.edits = [event for event in self.events if event[2]["event"] == "historic_price_edited"]
        self.legacy = self.rule_set.startswith("legacy")
        self.anchored = story["calendar"]["anchor"]

    def owed(self) -> Fraction:
        if not self.events:
            return Fraction(0)
        return sum((sum(owed.values(), Fraction(0)) / days for owed, days in self.cycles()), Fraction(0))

    def cycles(self) -> Iterator[tuple[dict[date, Fraction], int]]:
        """For each begun cycle that is not free: what each of its days owes, and the days of the full cycle."""
        start = self.events[0][0]
        self.anchor = self._anchor(start)
        self.first_month_until = add_months(
            self.anchor if self.rule_set == "legacy_anniversary" else start, 1
        )
        n = 0
        while True:
            first, end, days = self._cycle(start, n)
            if first > self.as_of:
                return
            if days:
                yield self._days_owed(start, first, end), days
            n += 1

    def _anchor(self, start: date) -> date:
        if self.rule_set == "legacy_aligned":
            here = add_months(start, 0, anchor=15)
            return here if here >= start else add_months(start, 1, anchor=15)
        if self.rule_set == "legacy_anniversary" and start.day >= 29:
            return add_months(start, 1, anchor=1)
        return start

    def _grid(self, n: int) -> date:
        if self.rule_set == "nce" and self.months == 1:
            last = monthrange(self.anchor.year, self.anchor.month)[1] - self.anchor.day
            if last <= 1:
                month = add_months(self.anchor.replace(day=1), n)
                return month.replace(day=monthrange(month.year, month.month)[1] - last)
        return add_months(self.anchor, n * self.months)

    def _cycle(self, start: date, n: int) -> tuple[date, date, int]:
        """First day, first day after it, days of the full cycle; 0 days where the stub is free."""
        if not self.legacy and (self.anchored != "purchase" or "term_end_on" in self.events[0][2]):
            return self._anchored_cycle(start, n)
        if self.rule_set == "legacy_aligned" and self.anchor > start:
            n -= 1
            if n < 0:
                return start, self.anchor, 0
        first, end = self._grid(n), self._grid(n + 1)
        if n == 0 and self.rule_set == "legacy_anniversary":
            return start, end, (end - first).days
        return first, end, (end - first).days

    def _anchored_cycle(self, start: date, n: int) -> tuple[date, date, int]:
        """Cycles on a grid that the purchase did not choose: every grid date of a century, and the ones around."""
        term_end = self.events[0][2].get("term_end_on")
        if self.rule_set == "nce" and term_end is not None:
            base = date.fromisoformat(term_end) + ONE_DAY
            day_of_month = base.day
        elif self.anchored.startswith("day "):
            day_of_month = int(self.anchored.removeprefix("day "))
            base = add_months(start, 0, anchor=day_of_month)
            base = base if base >= start else add_months(start, 1, anchor=day_of_month)
        else:
            base = date.fromisoformat(self.anchored)
            day_of_month = base.day
        grid = [add_months(base, k * self.months, anchor=day_of_month) for k in range(-60, 60)]
        after = [day for day in grid if day > start]
        end = after[n]
        first = start if n == 0 else after[n - 1]
        return first, end, (end - grid[grid.index(end) - 1]).days

    def _days_owed(self, start: date, first: date, end: date) -> dict[date, Fraction]:
        """Price × quantity owed for each day of the cycle; replayed event by event in order."""
        quantity, product, status = 0, "", "none"
        kept_share = Fraction(1)
        owed: dict[date, Fraction] = {}
        paid_from = max(first, self.anchor) if self.rule_set == "legacy_anniversary" else first
        span = [paid_from + i * ONE_DAY for i in range((end - paid_from).days)]
        charged = False
        wiped = False
        bought_at = self._instant(self.events[0])
        waiting: list[tuple[date, int, str]] = []

        def charge(since: date, seats: int, what: str) -> None:
            for day in span:
                if day >= since:
                    owed[day] = self._price(what, day) * seats * kept_share

        def settle(upto: date) -> None:
            for since, seats, what in waiting:
                for day in span:
                    if since <= day < upto:
                        owed[day] = self._price(what, day) * seats * kept_share
            waiting.clear()

        for event in self.events:
            day, _, told = event
            if day >= end:
                break
            name = told["event"]
            inside = day > first or (day == first and day == start)
            if inside and not charged and day > first:
                if status == "active" or (status == "suspended" and not self._stops()):
                    charge(first, quantity, product)
                charged = True
            if name == "subscription_purchased":
                quantity, product, status = told["quantity"], told["product"], "active"
                kept_share = 1 - Fraction(told.get("promotion_percent", "0")) / 100
                if day == first:
                    charge(first, quantity, product)
                    charged = True
            elif name == "renewal":
                bought_at = self._instant(event)
                status = "ended" if status == "suspended" else status
            elif name == "quantity_changed":
                quantity = told["quantity"]
                if inside and (status == "active" or not self._stops()) and status != "ended":
                    if self.legacy:
                        if owed:
                            waiting.append((day, quantity, product))
                    else:
                        charge(day, quantity, product)
            elif name == "product_changed":
                if inside and (status == "active" or not self._stops()) and status != "ended":
                    settle(day)
                    kept_share = Fraction(1)
                    charge(day, quantity, told["product"])
                product, kept_share = told["product"], Fraction(1)
            elif name == "subscription_suspended" and status == "active":
                status = "suspended"
                if inside and self._stops():
                    if self.legacy and day < self.first_month_until:
                        owed.clear()
                        waiting.clear()
                        wiped = True
                    else:
                        settle(day)
                        charge(day, 0, product)
            elif name == "subscription_reactivated" and status == "suspended":
                status = "active"
                if inside and self._stops():
                    whole = self.legacy and wiped and day < self.first_month_until
                    charge(first if whole else day, quantity, product)
                    wiped = False if whole else wiped
            elif name == "subscription_cancelled" and status in {"active", "suspended"}:
                was, status = status, "ended"
                if not inside or (was == "suspended" and self._stops()):
                    continue
                if self.rule_set == "nce":
                    since = self._instant(event) - bought_at
                    if day == first or since < timedelta(hours=24):
                        owed.clear()
                    elif since < timedelta(days=7):
                        charge(day, 0, product)
                elif self.legacy and day < self.first_month_until:
                    owed.clear()
                    waiting.clear()
                else:
                    settle(day)
                    charge(day, 0, product)
        if not charged and (status == "active" or (status == "suspended" and not self._stops())):
            charge(first, quantity, product)
        waiting[:] = [change for change in waiting if self._recognised(change[0], first) <= self.as_of]
        settle(end)
        return owed

    def _recognised(self, day: date, first: date) -> date:
        """The monthly anniversary on which a legacy change is recognised; not the day the cycle was charged."""
        n = 0
        while (anniversary := add_months(self.anchor, n)) < day or anniversary <= max(first, self.anchor):
            n += 1
        return anniversary

    def _stops(self) -> bool:
        return self.rule_set != "nce"

    def _price(self, product: str, day: date) -> Fraction:
        covering = [
            (seq, told)
            for since, seq, told in self.edits
            if since <= day and (told["until"] is None or day < date.fromisoformat(told["until"]))
        ]
        if covering:
            return Fraction(max(covering, key=lambda edit: edit[0])[1]["unit_price"])
        return self.prices[product]

    @staticmethod
    def _instant(event: tuple[date, int, dict[str, Any]]) -> datetime:
        return datetime.combine(event[0], datetime.min.time())
