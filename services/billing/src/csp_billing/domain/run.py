"""One fold in progress: the state, what it is billed under, and the lines made so far."""

from csp_billing.domain.lines import Kind, Line, LineKey, Reason
from csp_billing.domain.price_book import PriceBook
from csp_billing.domain.rules import Rules
from csp_billing.domain.state import Charge, Edit, Price, Rejection, State
from csp_commerce_rules.charge_cycles import MONTHS, Grid
from csp_commerce_rules.money import PRICE_DIGITS, divide_cut
from csp_commerce_rules.rounding import discount_of, kept_of, line_amount, nce_cost_profile


def explains_zero(price: int | None, discount: int) -> bool:
    """R4.9: a fee of zero is kept where it explains something: a trial, or a promotion that leaves nothing to pay."""
    return price == 0 or discount > 0


class Run:
    """Posts charges and refunds for one subscription. What to post is decided by `fold`, `changes` and `groups`."""

    __slots__ = (
        *("_brought", "_live", "_live_of", "_seen"),
        *("between", "history", "lines", "price_book", "rejections", "rules", "state", "subscription"),
    )

    def __init__(
        self, subscription: str, rules: Rules, price_book: PriceBook, state: State, *, history: bool
    ) -> None:
        """`between` is true on the first day of a cycle before its fee: changes then post nothing (section 7).

        `history` keeps charges of all past cycles, so that a late credit finds its line without the caller's help.
        """
        self.subscription = subscription
        self.rules = rules
        self.price_book = price_book
        self.state = state
        self.history = history
        self.between = False
        self.lines: list[Line] = []
        self.rejections: list[Rejection] = []
        # So that a day of many changes does not look at all of its past for each of them.
        self._live: list[Charge] = []
        self._live_of: list[Charge] = []
        self._seen = self._brought = 0

    # -- prices --------------------------------------------------------------------------------------------------

    def lock_price(self, day: int, *, recorded: int = 0) -> None:
        """Take the price of the lists on a day (R5.2). An imported subscription is priced on `billing_from` (R9.7).

        A lock is made on its day, or when its fact is `recorded` after it: a row that was listed later changes nothing of it
        (R5.5), save where the policy of price changes reaches into a term (R5.3).
        """
        price = self.listed_price(day, max(day, recorded))
        self.state.price, self.state.price_ref = price.unit_price, price.ref

    def listed_price(self, day: int, known_by: int) -> Price:
        """What the lists say for the subscription's product on a day, as they were by another one."""
        state, billing_from = self.state, self.rules.billing_from
        takeover = billing_from is not None and day <= billing_from
        on = billing_from if takeover and billing_from is not None else day
        waits = self.rules.price_policy == "at_renewal" and not takeover
        known = known_by if waits else None
        return Price.of(
            self.price_book.price(state.product, state.frequency, on, takeover=takeover, known_by=known)
        )

    def edit_on(self, day: int) -> Edit | None:
        """The historic edit that prices a service day: where two overlap, the later one (R9.9)."""
        if not self.state.edits:
            return None
        covering = [edit for edit in self.state.edits if edit.covers(day)]
        return max(covering, key=lambda edit: edit.seq) if covering else None

    def price_on(self, day: int) -> tuple[int | None, str]:
        """Unit price of a service day, and where it comes from."""
        edit = self.edit_on(day)
        return (edit.unit_price, edit.id) if edit else (self.state.price, self.state.price_ref)

    def _price_changes(self, day: int, end: int) -> int | None:
        """First day inside a charge on which another edit, or none, rules the price."""
        ruling = self.edit_on(day)
        turns = {turn for edit in self.state.edits for turn in (edit.start, edit.until) if turn is not None}
        return next(
            (turn for turn in sorted(turns) if day < turn < end and self.edit_on(turn) is not ruling), None
        )

    def other_price_from(self, charge: Charge, day: int) -> int | None:
        """First day, from `day` on, for which a charge has another price than now rules."""
        since = max(day, charge.start)
        if self.rate_for(self.price_on(since)[0]) != charge.rate:
            return since
        turns = {turn for edit in self.state.edits for turn in (edit.start, edit.until) if turn is not None}
        inside = sorted(turn for turn in turns if since < turn < charge.end)
        return next((turn for turn in inside if self.rate_for(self.price_on(turn)[0]) != charge.rate), None)

    def rate_for(self, price: int | None) -> int | None:
        """What a seat costs for the running cycle: the price, or its share of months after a plan change (8.6)."""
        if price is None or self.state.cycle_months is None:
            return price
        months, of_months = self.state.cycle_months
        minor: int = 10 ** (PRICE_DIGITS - self.rules.digits)
        return divide_cut(price * months, of_months * minor) * minor

    # -- charges -------------------------------------------------------------------------------------------------

    def charge(
        self,
        key: LineKey,
        *,
        start: int,
        end: int,
        quantity: int,
        reason: Reason,
        posted: int,
        caused_by: tuple[str, ...],
        basis: int | None = None,
        live: bool = True,
        rule: str = "R4.2",
    ) -> None:
        """Charge a quantity for service days, split where a historic edit that already rules ends."""
        if quantity <= 0:
            return
        since = start if basis is None else basis
        piece = 0
        while self.state.edits and (cut := self._price_changes(since, end)) is not None:
            here = key if piece == 0 else LineKey(key.cycle, key.role, f"{key.cause} until {piece}")
            self._charge(
                here,
                min(start, since),
                cut,
                quantity,
                reason,
                posted,
                caused_by,
                since if since < start else None,
                live=live,
                rule="R5.4",
            )
            start, since, basis = cut, cut, None
            piece += 1
        if piece:
            key, rule = LineKey(key.cycle, key.role, f"{key.cause} until {piece}"), "R5.4"
        self._charge(
            key,
            start,
            end,
            quantity,
            reason,
            posted,
            caused_by,
            basis,
            live=live,
            rule=rule,
        )

    def _charge(
        self,
        key: LineKey,
        start: int,
        end: int,
        quantity: int,
        reason: Reason,
        posted: int,
        caused_by: tuple[str, ...],
        basis: int | None,
        *,
        live: bool,
        rule: str,
    ) -> None:
        state = self.state
        price, price_ref = self.price_on(start if basis is None else basis)
        rate = self.rate_for(price)
        of_days = state.cycle_days
        from_day = max(start, state.basis) if basis is None else basis
        days = end - from_day
        if days <= 0:
            return
        amount, discount = self.amount_of(rate, quantity, days, of_days, reason, state.promotion)
        covers_cycle = start <= state.cycle_start and end == state.cycle_end and days == of_days
        kind: Kind = "cycle_fee" if covers_cycle and state.cycle_months is None else "pro_rata"
        state.charges.append(
            Charge(
                key,
                start,
                from_day,
                end,
                amount,
                amount or 0,
                quantity,
                price,
                rate,
                of_days,
                state.product,
                state.promotion,
                price_ref,
                live,
            )
        )
        if amount == 0 and not (key.role == "fee" and explains_zero(price, discount)):
            return
        self.post(
            Line(
                key,
                self.subscription,
                state.product,
                kind,
                reason,
                posted,
                start,
                end,
                quantity,
                price,
                amount,
                days,
                of_days,
                discount,
                price_ref,
                "R4.1" if days == of_days else rule,
                caused_by,
                None,
            )
        )

    def amount_of(
        self, rate: int | None, quantity: int, days: int, of_days: int, reason: str, promotion: int
    ) -> tuple[int | None, int]:
        """Net amount and discount of a charge; None while the price is missing (D-6)."""
        if rate is None:
            return None, 0
        profile = nce_cost_profile(reason) if self.rules.microsoft_rounding else self.rules.rounding
        gross = line_amount(profile, rate, quantity, days, of_days, self.rules.digits)
        if not promotion:
            return gross, 0
        discount = discount_of(gross, promotion)  # R5.6: a figure of its own
        return gross - discount, discount

    def refund(
        self,
        charge: Charge,
        amount: int | None,
        *,
        start: int,
        reason: Reason,
        posted: int,
        cause: str,
        rule: str,
        days: int,
        caused_by: tuple[str, ...],
    ) -> None:
        """Give back part or all of a charge, never more than is open of it (R4.5). `amount` is what to give back."""
        charge.live = False
        if amount is not None:
            amount = min(amount, charge.open)
            charge.open -= amount
            if amount <= 0:
                return
        self.post(
            Line(
                LineKey(charge.key.cycle, f"refund of {charge.key}", cause),
                self.subscription,
                charge.product,
                "refund",
                reason,
                posted,
                start,
                charge.end,
                charge.quantity,
                charge.price,
                None if amount is None else -amount,
                days,
                charge.end - charge.basis,
                0,
                charge.price_ref,
                rule,
                caused_by,
                charge.key,
            )
        )

    def rest_of(self, charge: Charge, day: int, reason: str) -> int | None:
        """What a charge gives back from a day on (R4.4).

        The default profile rounds what is kept, so that both parts add up. The others recompute the refunded days by
        their own formula, as Microsoft's files do; what is kept is then the difference.
        """
        if charge.charged is None:
            return None
        used, line_days = max(0, day - charge.basis), charge.end - charge.basis
        plain = self.rules.rounding == "line_half_up" and not self.rules.microsoft_rounding
        if plain or used == 0 or charge.rate is None:
            return charge.charged - kept_of(charge.charged, used, line_days)
        amount, _ = self.amount_of(
            charge.rate, charge.quantity, line_days - used, charge.of_days, reason, charge.promotion
        )
        return amount

    def live(self) -> list[Charge]:
        """Charges that no later one has taken the place of, oldest first."""
        charges = self.state.charges
        if self._live_of is not charges:
            self._live, self._live_of, self._seen = [], charges, 0
        self._live += charges[self._seen :]
        self._seen = len(charges)
        self._live = [charge for charge in self._live if charge.live]
        return self._live

    def live_charges(self, day: int) -> list[Charge]:
        """Charges that cover a running day, or lie still ahead in its cycle."""
        return [charge for charge in self.live() if charge.end > day]

    def settle_past(self, day: int) -> None:
        """Charges for days before this one are final: no later group takes them back."""
        for charge in self.live():
            if charge.end <= day:
                charge.live = False

    def bring_forward(self, day: int) -> None:
        """Post on a day what waits for a later recognition: nothing is given back before it was charged."""
        for i in range(self._brought, len(self.lines)):
            if self.lines[i].posted > day:
                self.lines[i] = self.lines[i]._replace(posted=day)
        self._brought = len(self.lines)  # days only go on, so that these wait no more

    def post(self, line: Line) -> None:
        """Take a line into the result, unless it is carried (R9.7, R9.10): then it only was the base of refunds."""
        billing_from = self.rules.billing_from
        if billing_from is not None and line.posted < billing_from:
            return
        if line.posted < self.state.carried_until and line.key.role == "fee" and line.key.cycle == 0:
            return
        self.lines.append(line)

    # -- calendar ------------------------------------------------------------------------------------------------

    def monthly_anniversary(self, day: int) -> int:
        """The first monthly anniversary on or after a day and inside the running cycle, else the cycle's end.

        The day that the cycle's paid days begin on is none, nor are free days before it an own month (R2.7).
        """
        grid, basis = self.state.grid, self.state.basis
        start, end = Grid(grid.month, grid.day, 1, grid.from_end).cycle(max(day, basis))
        return min(day if start == day > basis else end, self.state.cycle_end)

    @property
    def step(self) -> int:
        """Months of the charge cycle."""
        return MONTHS[self.state.frequency]
