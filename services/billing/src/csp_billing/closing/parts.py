"""How the subscriptions of many customers, or of a large one, are divided, so that what is held in memory is one part."""

from collections.abc import Collection, Iterator, Mapping, Sequence

SUBSCRIPTIONS_AT_ONCE = 1_500


def groups_of(customers: Sequence[tuple[str, int]]) -> Iterator[tuple[list[str], int]]:
    """Customers with their number of subscriptions, in groups of about so many; one that is larger is alone."""
    group: list[str] = []
    total = 0
    for customer_id, count in customers:
        if group and total + count > SUBSCRIPTIONS_AT_ONCE:
            yield group, total
            group, total = [], 0
        group.append(customer_id)
        total += count
    if group:
        yield group, total


def parts_of(names: Sequence[str], families: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """A customer's subscriptions in parts of about so many; those of a family are in one part, however large it is."""
    own, taken = set(names), set[str]()
    part: list[str] = []
    for name in names:
        family = families.get(name)
        if family is None:
            part.append(name)
        elif name not in taken:
            together = sorted(own.intersection(family))
            taken.update(together)
            part += together
        if len(part) >= SUBSCRIPTIONS_AT_ONCE:
            yield part
            part = []
    if part:
        yield part
