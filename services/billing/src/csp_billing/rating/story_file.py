"""The timeline file: settings, prices, events and runs, checked whole before anything is rated."""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn, get_args

from csp_billing.domain.rules import ChangeStyle, Ledger, Recognition, RefundPolicy
from csp_billing.rating.coherence import check
from csp_billing.rating.event_reading import Event, fields_of, read_event
from csp_billing.rating.faults import Reader, StoryRefused, object_of, shown
from csp_commerce_rules.charge_cycles import MONTHS, Frequency, NceMonthEnd, Term
from csp_commerce_rules.prices import PriceChangePolicy, PriceRow, Scope
from csp_commerce_rules.rounding import ROUNDING_PROFILES, RoundingProfile
from csp_commerce_rules.seat_lots import RuleSet

TAX_DIGITS = 4
"""Decimals of a tax rate in percent: some have three."""

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_ANCHOR_DAY = re.compile(r"day ([1-9]|[12]\d|3[01])", re.ASCII)
_RULE_SETS: tuple[RuleSet, ...] = get_args(RuleSet)
_FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
_TERMS: tuple[Term, ...] = get_args(Term)
_STORY = ("rule_set", "calendar", "currency", "minor_digits", "prices", "settings", "timeline", "runs")
_CALENDAR = ("frequency", "anchor", "report_close_day")
_PRICE = ("product", "unit_price", "per", "scope", "valid_from")
_RUN = ("as_of",)
_SETTINGS = {
    *("rule_set", "close_day", "billing_from", "anchor", "frequency", "change_style", "price_change_policy"),
    *("rounding_profile", "refund_policy", "negative_report", "tax_rate", "tax_rate_percent", "presentation"),
    *("recognition", "free_stub", "suspension_stops_billing", "upgrade_keeps_cycle", "term", "auto_renew"),
    *("nce_month_end", "ledger", "collapse_pairs"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Where charge cycles start: `anchor` a date, `anchor_day` a day of the month, neither = the purchase."""

    frequency: Frequency
    anchor: int | None
    anchor_day: int | None
    close_day: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the file sets; None leaves it to the rule set."""

    change_style: ChangeStyle | None
    price_policy: PriceChangePolicy
    rounding: RoundingProfile
    microsoft_rounding: bool | None
    ledger: Ledger
    refund_policy: RefundPolicy | None
    recognition: Recognition | None
    free_stub: bool | None
    suspension_stops_billing: bool | None
    upgrade_keeps_cycle: bool | None
    term: Term | None
    auto_renew: bool
    month_end: NceMonthEnd
    billing_from: int | None
    tax_rate: int | None
    collapses_pairs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryFile:
    """A story that can be rated. `runs` are the days up to which each run bills, `ignored` names fields that nothing reads."""

    rule_set: RuleSet
    calendar: Calendar
    digits: int
    prices: tuple[PriceRow, ...]
    settings: Settings
    events: tuple[Event, ...]
    runs: tuple[int, ...]
    ignored: tuple[str, ...] = ()


def parse(text: str | bytes) -> StoryFile:
    """Read a story. Raises StoryRefused with every fault that is found."""
    try:
        content: Any = json.loads(  # any JSON value, checked by Reader
            text.decode("utf-8-sig") if isinstance(text, bytes) else text,
            parse_constant=_no_constant,
            object_pairs_hook=object_of,
        )
    except (ValueError, RecursionError) as error:
        raise StoryRefused([f"$: is not JSON in UTF-8: {_unreadable(error)}"]) from error
    faults: list[str] = []
    story = Reader(content, "", faults)
    if faults:
        raise StoryRefused(faults)
    rule_set = story.choice("rule_set", _RULE_SETS)
    currency = story.text("currency")
    if currency is not None and not _CURRENCY.fullmatch(currency):
        story.fault("currency", f"must be an ISO 4217 code such as EUR, is {shown(currency)}")
    digits = _digits(story)
    settings_in = story.inner("settings")
    _no_contradiction(story, settings_in)
    calendar = _calendar(story.inner("calendar"), settings_in)
    prices = tuple(row for i, item in enumerate(story.each("prices")) if (row := _price(item, i)) is not None)
    settings = _settings(settings_in, calendar)
    events = [read_event(item, i, digits) for i, item in enumerate(story.each("timeline"))]
    runs = _runs(story)
    ignored = _ignored(story)
    aligned = [rule_set, *(event.rule_set for event in events if event is not None)]
    if (
        "legacy_aligned" in aligned
        and calendar.close_day is None
        and calendar.anchor is None
        and not calendar.anchor_day
    ):
        story.inner("calendar").fault("report_close_day", "is missing, legacy_aligned bills on it")
    known = [event for event in events if event is not None]
    if not faults:
        known = check(known, faults)
    if faults or rule_set is None:
        raise StoryRefused(faults)
    return StoryFile(
        rule_set=rule_set,
        calendar=calendar,
        digits=digits,
        prices=prices,
        settings=settings,
        events=tuple(known),
        runs=runs,
        ignored=tuple(ignored),
    )


def _no_contradiction(story: Reader, settings: Reader) -> None:
    """What the settings say of rule set and calendar must be what stands in its own place."""
    calendar = story.inner("calendar")
    for place, there, here in (
        (story, "rule_set", "rule_set"),
        (calendar, "frequency", "frequency"),
        (calendar, "anchor", "anchor"),
        (calendar, "report_close_day", "close_day"),
    ):
        said, again = place.content.get(there), settings.content.get(here)
        if said is not None and again is not None and said != again:
            settings.fault(here, f"contradicts {place.at(there)}, which is {shown(said)}")


def _ignored(story: Reader) -> list[str]:
    """Fields that nothing reads. In the settings they are faults, elsewhere a file may carry words of its own."""
    notes = story.unread(_STORY)
    notes += story.inner("calendar").unread(_CALENDAR)
    for name, known in (("prices", _PRICE), ("runs", _RUN)):
        for row in _objects(story, name):
            notes += row.unread(known)
    settings = story.inner("settings")
    if settings.has("negative_report"):
        notes.append("settings.negative_report: is a matter of the issued report and changes nothing here")
    for entry in _objects(story, "timeline"):
        notes += entry.unread(fields_of(entry.content.get("event")))
    return notes


def _objects(story: Reader, name: str) -> list[Reader]:
    """The objects of an array, whatever else is in it: other faults are noted where it is read."""
    value = story.content.get(name)
    items = enumerate(value) if isinstance(value, list) else ()
    return [Reader(item, f"{name}[{i}]", story.faults) for i, item in items if type(item) is dict]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _unreadable(error: Exception) -> str:
    """The JSON reader's reason, without its advice to programmers."""
    endless = "integer string conversion" in str(error)
    return "a number has more digits than can be read" if endless else str(error)


def _digits(story: Reader) -> int:
    digits = story.whole("minor_digits", at_least=0, at_most=3)
    if digits == 1:
        story.fault("minor_digits", "must be 0, 2 or 3, is 1")
    return 2 if digits is None else digits


def _calendar(calendar: Reader, settings: Reader) -> Calendar:
    frequency = calendar.choice("frequency", _FREQUENCIES, required=False)
    anchor: int | None = None
    anchor_day: int | None = None
    where = calendar if calendar.has("anchor") else settings
    value = where.content.get("anchor")
    if isinstance(value, str) and (match := _ANCHOR_DAY.fullmatch(value)):
        anchor_day = int(match[1])
    elif isinstance(value, str) and value[:1].isdigit():
        anchor = where.day_of("anchor", value)
    elif value is not None and value != "purchase":
        where.fault("anchor", f'must be "purchase", "day 1" to "day 31" or a date, is {shown(value)}')
    close_day = calendar.whole("report_close_day", at_least=1, at_most=31, required=False)
    if close_day is None:
        close_day = settings.whole("close_day", at_least=1, at_most=31, required=False)
    return Calendar(
        frequency=frequency or settings.choice("frequency", _FREQUENCIES, required=False) or "P1M",
        anchor=anchor,
        anchor_day=anchor_day,
        close_day=close_day,
    )


def _price(row: Reader, index: int) -> PriceRow | None:
    product = row.text("product")
    unit_price = row.decimal("unit_price", 6, at_least=0)
    per = row.choice("per", _FREQUENCIES)
    scopes: tuple[Scope, ...] = get_args(Scope)
    scope = row.choice("scope", scopes, required=False)
    valid_from = row.day("valid_from", required=False)
    if product is None or unit_price is None or per is None:
        return None
    return PriceRow(
        product=product,
        unit_price=unit_price,
        scope=scope or "global",
        frequency=per,
        valid_from=valid_from,
        ref=f"prices[{index}]",
        seq=index - 1_000_000,
    )


def _settings(settings: Reader, calendar: Calendar) -> Settings:
    settings.only(_SETTINGS)
    settings.choice("rule_set", _RULE_SETS, required=False)
    settings.choice("negative_report", ("issue", "carry_forward"), required=False)
    ledgers: tuple[Ledger, ...] = get_args(Ledger)
    ledger = settings.choice("ledger", ledgers, required=False) or "sell"
    rounding, microsoft = _rounding(settings, ledger)
    term = settings.choice("term", _TERMS, required=False)
    if term is not None and MONTHS[term] < MONTHS[calendar.frequency]:
        settings.fault(
            "term", f"must not be shorter than the charge cycle of {calendar.frequency}, is {term}"
        )
    rate = "tax_rate_percent" if settings.has("tax_rate_percent") else "tax_rate"
    policies: tuple[PriceChangePolicy, ...] = get_args(PriceChangePolicy)
    styles: tuple[ChangeStyle, ...] = get_args(ChangeStyle)
    refunds: tuple[RefundPolicy, ...] = get_args(RefundPolicy)
    recognitions: tuple[Recognition, ...] = get_args(Recognition)
    month_ends: tuple[NceMonthEnd, ...] = get_args(NceMonthEnd)
    auto_renew = settings.flag("auto_renew")
    return Settings(
        change_style=settings.choice("change_style", styles, required=False),
        price_policy=settings.choice("price_change_policy", policies, required=False) or "at_renewal",
        rounding=rounding,
        microsoft_rounding=microsoft,
        ledger=ledger,
        refund_policy=settings.choice("refund_policy", refunds, required=False),
        recognition=settings.choice("recognition", recognitions, required=False),
        free_stub=settings.flag("free_stub"),
        suspension_stops_billing=settings.flag("suspension_stops_billing"),
        upgrade_keeps_cycle=settings.flag("upgrade_keeps_cycle"),
        term=term,
        auto_renew=True if auto_renew is None else auto_renew,
        month_end=settings.choice("nce_month_end", month_ends, required=False) or "documented_2022",
        billing_from=settings.day("billing_from", required=False),
        tax_rate=settings.decimal(rate, TAX_DIGITS, at_least=0, required=False),
        collapses_pairs=_collapses_pairs(settings),
    )


def _collapses_pairs(settings: Reader) -> bool:
    """Whether a change is shown as one line, the difference (section 19); what is posted stays."""
    name = "collapse_pairs" if settings.has("collapse_pairs") else "presentation"
    if isinstance(settings.content.get(name), bool):
        return settings.flag(name) is True
    return settings.choice(name, ("on", "off"), required=False) == "on"


def _rounding(settings: Reader, ledger: Ledger) -> tuple[RoundingProfile, bool | None]:
    """One profile, or one per ledger; `microsoft_nce` follows Microsoft's examples by reason, None leaves it to the rule set (D-5)."""
    names = (*ROUNDING_PROFILES, "microsoft_nce")
    if isinstance(settings.content.get("rounding_profile"), dict):
        chosen = settings.inner("rounding_profile").choice(ledger, names, required=False)
    else:
        chosen = settings.choice("rounding_profile", names, required=False)
    if chosen == "microsoft_nce":
        return "line_half_up", True
    for profile in ROUNDING_PROFILES:
        if profile == chosen:
            return profile, False
    return "line_half_up", None


def _runs(story: Reader) -> tuple[int, ...]:
    runs: list[int] = []
    for run in story.each("runs"):
        day = run.day("as_of")
        if day is not None and runs and day < runs[-1]:
            run.fault("as_of", "must not be before the run above it")
        if day is not None:
            runs.append(day)
    return tuple(runs)
