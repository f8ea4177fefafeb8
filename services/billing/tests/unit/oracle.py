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
SHARED = {"subscription_suspended", "subscription_reactivated", "subscription_cancelled"}
"""What happens to a base and to its add-ons alike."""

LOCKING = {"subscription_purchased", "addon_purchased", "product_changed"}
"""Events that take a price of the lists."""

Sold = tuple[str, date]
"""A product, and the day whose price list it is sold by."""


def owed(story: dict[str, Any], as_of: date) -> Fraction:
    """What all subscriptions of the story owe when everything up to a day is billed, in units of the currency."""
    return sum((_Subscription(story, name, as_of).owed() for name in _names(story)), Fraction(0))


def seat_days(story: dict[str, Any], as_of: date) -> int:
    """Seats × days that all begun cycles owe for, where nothing is edited or free: what is owed at a price of 1 a day."""
    flat = story | {"prices": [row | {"unit_price": "1"} for row in story["prices"]]}
    total = Fraction(0)
    for name in _names(story):
        subscription = _Subscription(flat, name, as_of)
        if subscription.events:
            total += sum((sum(days.values(), Fraction(0)) for days, _ in subscription.cycles()), Fraction(0))
    return int(total)


def _names(story: dict[str, Any]) -> set[str]:
    return {event["subscription"] for event in story["timeline"] if "subscription" in event}


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
        self.policy = story["settings"].get("price_change_policy", "at_renewal")
        known = sorted(
            (
                (date.fromisoformat(event["effective_on"]), event["seq"], event)
                for event in story["timeline"]
                if date.fromisoformat(event["effective_on"]) <= as_of
            ),
            key=lambda event: event[:2],
        )
        self.listed = [event for event in known if event[2]["event"] == "price_changed"]
        self.events = [event for event in known if event[2].get("subscription") == name]
        self.base: _Subscription | None = None
        if self.events and "base" in self.events[0][2]:
            self.base = _Subscription(story, self.events[0][2]["base"], as_of)
            since = self.events[0][:2]
            shared = [
                event for event in self.base.events if event[2]["event"] in SHARED and event[:2] > since
            ]
            self.events = sorted((*self.events, *shared), key=lambda event: event[:2])
        began = self.events if self.base is None else self.base.events
        custom_end = began[0][2].get("term_end_on") if began else None
        if custom_end is not None:
            renewal = date.fromisoformat(custom_end) + ONE_DAY
            if renewal > self.events[0][0]:
                self.events.append((renewal, -1, {"event": "renewal"}))
                self.events.sort(key=lambda event: event[:2])
        if self.policy == "immediate_prorated":
            self.events = sorted((*self.events, *self.listed), key=lambda event: event[:2])
            while self.events and self.events[0][2]["event"] == "price_changed":
                del self.events[0]  # listed before the subscription began
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
        if self.base is not None:
            self.anchor, self.first_month_until = self.base.grid_anchor(), add_months(start, 1)
        n = 0
        while True:
            first, end, days = self._cycle(start, n) if self.base is None else self.base.grid_cycle(n)
            if first > self.as_of:
                return
            n += 1
            if self.base is not None:
                if end <= start:
                    continue
                first = max(first, start)
            if days:
                yield self._days_owed(start, first, end), days

    def _status_at_start(self) -> str:
        """An add-on begins as its base is, all others begin active."""
        status = "active"
        for event in self.base.events if self.base is not None else ():
            if event[:2] < self.events[0][:2]:
                name = event[2]["event"]
                status = {"subscription_suspended": "suspended", "subscription_reactivated": "active"}.get(
                    name, status
                )
        return status

    def grid_anchor(self) -> date:
        """What the base of an add-on lends it: the anchor of its charge cycles."""
        self.anchor = self._anchor(self.events[0][0])
        return self.anchor

    def grid_cycle(self, n: int) -> tuple[date, date, int]:
        """And the cycles themselves."""
        return self._cycle(self.events[0][0], n)

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
        quantity, status = 0, "none"
        product: Sold = ("", first)
        kept_share = Fraction(1)
        owed: dict[date, Fraction] = {}
        paid_from = max(first, self.anchor) if self.rule_set == "legacy_anniversary" else first
        span = [paid_from + i * ONE_DAY for i in range((end - paid_from).days)]
        charged = False
        wiped = False
        bought_at = self._instant(self.events[0])
        waiting: list[tuple[date, int, Sold]] = []

        paid = 0
        set_aside: list[tuple[date, int, Sold]] = []

        def charge(since: date, seats: int, what: Sold) -> None:
            nonlocal paid
            paid = seats or paid
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
            if day > first and not charged:
                product = self._relocked(product, first)
                if status == "active" or (status == "suspended" and not self._stops()):
                    charge(first, quantity, product)
                charged = True
            if name in {"subscription_purchased", "addon_purchased"}:
                quantity, product, status = told["quantity"], (told["product"], day), self._status_at_start()
                kept_share = 1 - Fraction(told.get("promotion_percent", "0")) / 100
                if day == first and status == "suspended" and self._stops():
                    charged = True  # nothing before its base is active again
                elif day == first:
                    charge(first, quantity, product)
                    charged = True
            elif name == "renewal":
                bought_at = self._instant(event)
                product, kept_share = (product[0], day), Fraction(1)
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
                    charge(day, quantity, (told["product"], day))
                product, kept_share = (told["product"], day), Fraction(1)
            elif name == "price_changed" and told["product"] == product[0]:
                billed = inside and (status == "active" or (status == "suspended" and not self._stops()))
                if billed and self._list_price(*product) != self._list_price(product[0], day):
                    settle(day)  # an immediate change settles what waits, at the old price
                    charge(day, quantity, (product[0], day))
                product = (product[0], day)
            elif name == "subscription_suspended" and status == "active":
                status = "suspended"
                if inside and self._stops():
                    if self.legacy and day < self.first_month_until:
                        owed.clear()
                        set_aside = list(waiting)
                        waiting.clear()
                        wiped = True
                    else:
                        settle(day)
                        charge(day, 0, product)
            elif name == "subscription_reactivated" and status == "suspended":
                status = "active"
                if inside and self._stops():
                    unpaid = not paid and first > start  # the cycle began while it was suspended
                    whole = self.legacy and day < self.first_month_until and (wiped or unpaid)
                    if (
                        whole
                    ):  # as it was charged, and what waited waits again; another quantity only for the rest
                        paid = paid or quantity
                        charge(first, paid, product)
                        waiting.extend((since, seats, product) for since, seats, _ in set_aside)
                        if set_aside and quantity != set_aside[-1][1]:
                            waiting.append((day, quantity, product))
                        elif not set_aside and quantity != paid:
                            charge(day, quantity, product)
                    else:
                        charge(day, quantity, product)
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
        if not charged:
            product = self._relocked(product, first)
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

    def _relocked(self, product: Sold, first: date) -> Sold:
        """At a cycle's start the price list of the day holds, unless a term locks the price."""
        free = self.policy != "at_renewal" or self.rule_set == "flex"
        return (product[0], first) if free else product

    def _list_price(self, product: str, day: date) -> Fraction:
        """The newest price of the lists that began on or before a day, as they were known when it was locked."""
        begun = self.events[0][2].get("recorded_on", "")
        known = day.isoformat()
        for since, _, told in self.events:
            if since == day and told["event"] in LOCKING:
                known = max(day.isoformat(), told["recorded_on"])
        changes = [
            told
            for since, _, told in self.listed
            if since <= day
            and told["product"] == product
            and (self.policy != "at_renewal" or told["recorded_on"] <= max(known, begun))
        ]
        return Fraction(changes[-1]["unit_price"]) if changes else self.prices[product]

    def _price(self, product: Sold, day: date) -> Fraction:
        covering = [
            (seq, told)
            for since, seq, told in self.edits
            if since <= day and (told["until"] is None or day < date.fromisoformat(told["until"]))
        ]
        if covering:
            return Fraction(max(covering, key=lambda edit: edit[0])[1]["unit_price"])
        return self._list_price(*product)

    @staticmethod
    def _instant(event: tuple[date, int, dict[str, Any]]) -> datetime:
        return datetime.combine(event[0], datetime.min.time())
