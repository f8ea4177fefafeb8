"""How this service shows money and versions."""

from typing import Any

MICRO_DIGITS = 6


def money(micro: int | None, currency: str) -> dict[str, str] | None:
    """Millionths as the API's money: a decimal string, at least two digits; None where it is unknown."""
    if micro is None:
        return None
    sign, value = ("-", -micro) if micro < 0 else ("", micro)
    whole, part = divmod(value, 10**MICRO_DIGITS)
    fraction = f"{part:0{MICRO_DIGITS}d}".rstrip("0").ljust(2, "0")
    return {"amount": f"{sign}{whole}.{fraction}", "currency": currency}


def etag(row: dict[str, Any]) -> str:
    """`"v<stream version>.<row revision>"`; If-Match compares the first part."""
    return f'"v{row["version"]}.{row.get("revision", 0)}"'


def expected_version(if_match: str | None) -> int | None:
    """The stream version that an If-Match header asks for; None without one, ValueError for a malformed one."""
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.startswith("v"):
        raise ValueError("If-Match must be an ETag that we gave")
    return int(text[1:].partition(".")[0])
