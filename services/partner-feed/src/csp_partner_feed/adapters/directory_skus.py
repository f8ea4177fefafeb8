"""Which directory SKU a product fills: the join between subscriptions and licences (PC 7.6). Asked once per product, then kept."""

import asyncio
from collections import defaultdict

from csp_partner_center import PartnerCenterError, Refused, Reseller

_MOST_KEPT = 5000


class DirectorySkus:
    """Asks the catalogue; what it does not know is left out."""

    def __init__(self) -> None:
        self._kept: dict[str, str | None] = {}
        self._asking: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, partner: Reseller, product: str | None, country: str | None) -> str | None:
        """The directory's SKU of `product:sku` or of a legacy offer; None where it cannot be told now."""
        if product is None or country is None:
            return None
        if product in self._kept:
            return self._kept[product]
        # Customers are read side by side and have the same products: one asks, the others wait for its answer.
        async with self._asking[product]:
            if product not in self._kept:
                try:
                    found = await self._ask(partner, product, country)
                except Refused:
                    found = None
                except PartnerCenterError:
                    return None
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                    self._asking.clear()
                self._kept[product] = found
            return self._kept[product]

    async def _ask(self, partner: Reseller, product: str, country: str) -> str | None:
        name, separator, sku = product.partition(":")
        if separator:
            return (await partner.catalogue.sku(name, sku, country)).value.dynamic_attributes.provisioning_id
        return (await partner.catalogue.offer(product, country)).value.product.id
