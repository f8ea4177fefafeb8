"""What the gateway's tests tell it: one of everything that a screen shows, each stream in its order."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from csp_contracts.envelope import Meta, Recorded
from csp_contracts.identity_sync_v1 import (
    ConsumedSeatsChanged,
    LicenseAssigned,
    SubscriptionSeats,
    UserCreated,
)
from csp_contracts.ids import Kind, api_id
from csp_contracts.operations_v1 import (
    OperationProgressed,
    OperationRequested,
    OperationSubmitted,
    OperationSucceeded,
)
from csp_contracts.pricing_v1 import SubscriptionCostLocked, SubscriptionPriceLocked
from csp_contracts.provisioning_v1 import CustomerAdded, TenantDiscovered, TenantLinked
from csp_contracts.subscriptions_v1 import QuantityChanged, SeatLot, SubscriptionCreated

NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
RESELLER, CUSTOMER, UNALLOCATED, TENANT, SUBSCRIPTION, USER, PRICE, SEATS, OPERATION = (
    api_id(kind, UUID(int=number))
    for number, kind in enumerate(
        (
            Kind.RESELLER, Kind.CUSTOMER, Kind.CUSTOMER, Kind.TENANT, Kind.SUBSCRIPTION, Kind.USER,
            Kind.SUBSCRIPTION_PRICE, Kind.CONSUMED_SEATS, Kind.OPERATION,
        )
    )
)  # fmt: skip


def stream(name: str, *facts: Any) -> list[Recorded[Any]]:
    """The facts of one stream, a minute apart."""
    return [
        Recorded(
            stream=name,
            version=version,
            data=data,
            meta=Meta(
                reseller=RESELLER,
                partition_key=TENANT,
                effective_at=NOW + timedelta(minutes=version),
                recorded_at=NOW + timedelta(minutes=version),
                customer=CUSTOMER,
            ),
        )
        for version, data in enumerate(facts, 1)
    ]


def locked(cls: Any, amount: int) -> Any:  # either kind of lock
    """A price (or cost) of the subscription."""
    return cls(
        subscription_id=SUBSCRIPTION,
        tenant_id=TENANT,
        currency="EUR",
        unit_price_micro=amount,
        price_ref="list/row/1",
        from_on=date(2026, 3, 5),
        product="p:1",
        product_title="Basic",
        charge_cycle="P1M",
    )


STREAMS = [
    stream(CUSTOMER, CustomerAdded(customer_id=CUSTOMER, name="Contoso", country="DE", status="active")),
    stream(
        TENANT,
        TenantDiscovered(
            tenant_id=TENANT,
            customer_id=UNALLOCATED,
            microsoft_tenant_id="m",
            domain="contoso.onmicrosoft.com",
            company_name="Contoso",
            country="DE",
        ),
        TenantLinked(tenant_id=TENANT, from_customer_id=UNALLOCATED, to_customer_id=CUSTOMER),
    ),
    stream(
        SUBSCRIPTION,
        SubscriptionCreated(
            subscription_id=SUBSCRIPTION,
            tenant_id=TENANT,
            microsoft_subscription_id="s",
            commerce="nce",
            rule_set="nce",
            product="p:1",
            product_title="Basic",
            term="P1Y",
            charge_cycle="P1M",
            quantity=5,
            status="active",
            currency="EUR",
            commitment_ends_on=date(2027, 3, 4),
        ),
        QuantityChanged(
            subscription_id=SUBSCRIPTION,
            tenant_id=TENANT,
            previous=5,
            quantity=8,
            seat_lots=[SeatLot(quantity=3, refundable_until=NOW + timedelta(days=7))],
        ),
    ),
    stream(PRICE, locked(SubscriptionPriceLocked, 6_200_000), locked(SubscriptionCostLocked, 4_960_000)),
    stream(
        SEATS,
        ConsumedSeatsChanged(
            tenant_id=TENANT,
            sku_id="k",
            available=8,
            consumed=1,
            subscriptions=[SubscriptionSeats(subscription_id=SUBSCRIPTION, consumed=1, shared=True)],
        ),
    ),
    stream(
        USER,
        UserCreated(user_id=USER, tenant_id=TENANT, microsoft_user_id="u"),
        LicenseAssigned(user_id=USER, tenant_id=TENANT, sku_id="k"),
    ),
    stream(
        OPERATION,
        OperationRequested(
            operation_id=OPERATION,
            kind="subscription.change_quantity",
            context="subscriptions",
            target={},
            subject=SUBSCRIPTION,
        ),
        OperationSubmitted(operation_id=OPERATION, step="change", attempt=1, request_id="r"),
        OperationProgressed(operation_id=OPERATION, step="change"),
        OperationSucceeded(operation_id=OPERATION, resources=[SUBSCRIPTION], versions={SUBSCRIPTION: 2}),
    ),
]
