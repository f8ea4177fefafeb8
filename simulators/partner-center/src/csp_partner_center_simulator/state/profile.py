"""How the simulator behaves: the switches of `/_control/profile` and the channels."""

from typing import Literal

import msgspec

# A realistic service answers half of the New Commerce changes with 202 (PC 14.3); named apart, it is as named.
WRITE_ANSWER: dict[str, Literal["200", "mixed"]] = {"fast": "200", "realistic": "mixed"}


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Latency, wire form and rule switches (PC 14.3, 14.4, 14.5, 16).

    `refresh_token_unused_days`: 90 in reality; null by default, because a clock that jumps a year would else
    sign everybody out who had no chance to call meanwhile.
    """

    latency: Literal["fast", "realistic"] = "fast"
    seed: int = 1
    write_answer: Literal["200", "202", "mixed"] = "200"
    casing: Literal["camel", "pascal"] = "camel"
    byte_order_mark: bool = False
    closed_enums: bool = False
    requests_per_minute: int | None = None
    full_refund_24h: bool = True
    legacy_sales: bool = True
    extended_service_term: bool = False
    mfa_required: Literal["by_date"] | bool = "by_date"
    retired_audience_refused: bool = True
    nce_month_end: Literal["documented_2022", "clamped"] = "documented_2022"
    nce_rounding: Literal["by_event", "line_down", "unit_down"] = "by_event"
    legacy_term_end: Literal["aligned", "anniversary"] = "aligned"
    legacy_start: Literal["purchase_day", "day_after"] = "purchase_day"
    transfers: Literal["source", "target", "both"] = "both"
    numbers_as_strings: bool = True
    tax_percent: int = 0
    adjustment_without_line: bool = False
    rotate_availabilities: bool = True
    update_limit: int = 1200
    refresh_token_unused_days: int | None = None
    trailing_next: bool = False
    integration_sandbox: bool = False


class Channels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which ways of learning of a change work (PC 14.6)."""

    webhooks: bool = True
    audit: bool = True
    graph_delta: bool = True
