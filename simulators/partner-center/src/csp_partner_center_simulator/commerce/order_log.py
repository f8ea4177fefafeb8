"""What the audit log keeps of an order (PC 8)."""

from csp_partner_center_simulator.state.orders import Order


def audit_copy(order: Order) -> dict[str, object]:
    """Give the copy of an order that a record holds as its new value."""
    return {
        "id": order.id,
        "alternateId": order.id,
        "referenceCustomerId": order.customer_id,
        "billingCycle": order.billing_cycle,
        "lineItems": [
            {
                "lineItemNumber": line.number,
                "offerId": line.offer_id,
                "subscriptionId": line.subscription_id,
                "parentSubscriptionId": line.parent_subscription_id or None,
                "friendlyName": line.friendly_name,
                "quantity": line.quantity,
                "termDuration": line.term or None,
            }
            for line in order.lines
        ],
        "creationDate": order.created_at.isoformat(),
        "attributes": {"objectType": "Order"},
    }


def audit_data(order: Order) -> tuple[tuple[str, str | None], ...]:
    """Give the order's customized data: its ids, and those of each line with the line's number."""
    data: list[tuple[str, str | None]] = [
        ("OrderId", order.id),
        ("AlternateId", order.id),
        ("BillingCycle", order.billing_cycle.capitalize()),
    ]
    for line in order.lines:
        data += [
            (f"OfferId-{line.number}", line.offer_id),
            (f"SubscriptionId-{line.number}", line.subscription_id),
            (f"SubscriptionName-{line.number}", line.friendly_name),
            (f"Quantity-{line.number}", str(line.quantity)),
            (f"PartnerOnRecord-{line.number}", line.partner_id_on_record or None),
        ]
    return tuple(data)
