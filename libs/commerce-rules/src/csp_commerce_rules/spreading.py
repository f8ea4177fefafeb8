"""Spread one amount on several targets, and tax on net lines, so that the parts always sum to the whole."""

from collections.abc import Mapping, Sequence

from csp_commerce_rules.money import divide_half_away


def spread(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Spread an amount in minor units by weight: largest remainder, ties to the lower key (R4.7).

    Weights are zero or more, at least one above zero; ValueError otherwise. A negative amount mirrors a positive one.
    """
    total = sum(weights.values())
    if total <= 0 or min(weights.values()) < 0:
        raise ValueError("weights must be zero or more, and one of them above zero")
    if amount < 0:
        return {key: -part for key, part in spread(-amount, weights).items()}
    parts = {key: amount * weight // total for key, weight in weights.items()}
    left = amount - sum(parts.values())
    by_remainder = sorted(weights, key=lambda key: (-(amount * weights[key] % total), key))
    for key in by_remainder[:left]:
        parts[key] += 1
    return parts


def tax_of(net: int, rate: int, *, decimals: int = 2) -> int:
    """Tax on the sum of net lines of one rate, rounded once (R11.3). The rate is percent with so many decimals."""
    return divide_half_away(net * rate, 10 ** (decimals + 2))


def spread_tax(net_lines: Sequence[int], basis_points: int) -> list[int]:
    """Tax of each line for export: the once-rounded tax of the sum, spread by largest remainder (W-32).

    Lines of either sign take part: each line gets its own tax cut down, the cents that are left go to the largest
    remainders, ties to the earlier line.
    """
    tax = tax_of(sum(net_lines), basis_points)
    parts = [net * basis_points // 10_000 for net in net_lines]
    left = tax - sum(parts)
    order = sorted(range(len(parts)), key=lambda i: (-(net_lines[i] * basis_points % 10_000), i))
    for i in order[:left]:
        parts[i] += 1
    return parts
