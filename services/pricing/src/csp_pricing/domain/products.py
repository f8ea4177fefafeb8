"""What can be bought."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something that can be bought, for one term and one charge cycle."""

    product: str
    term: str
    charge_cycle: str
    commerce: str
    category: str
    product_group: str
    title: str
    segment: str
    is_addon: bool
    is_trial: bool
    minimum_quantity: int
    maximum_quantity: int | None
    directory_sku_id: str | None
    prerequisites: list[str] = field(default_factory=list)
