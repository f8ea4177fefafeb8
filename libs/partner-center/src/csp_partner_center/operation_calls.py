"""How a step of an operation speaks to Microsoft: one correlation id for the operation's life, one request id per attempt."""

from uuid import UUID

from csp_partner_center.answers import RequestIds
from csp_partner_center.client import PartnerCenter, Reseller
from csp_runtime.operations import Operation


def reseller_of(client: PartnerCenter, operation: Operation) -> Reseller:
    """The client of the operation's reseller, with the operation's correlation id for life."""
    return client.as_reseller(operation.meta.reseller, correlation_id=operation.call_correlation_id)


def ids_of(operation: Operation, request_id: str) -> RequestIds:
    """The names of one write."""
    return RequestIds(request_id=UUID(request_id), correlation_id=operation.call_correlation_id)
