"""The registry of problem types: the status each is answered with, when it is answered, and what to do then.

`docs/problems.md` is this registry as a page; a test holds them together.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of failure. `is_retryable`: the same request may succeed later, and `Retry-After` says when to try."""

    status: int
    meaning: str
    remedy: str
    is_retryable: bool = False


PROBLEM_TYPES: dict[str, ProblemType] = {
    # The request.
    "bad-request": ProblemType(
        400,
        "The request cannot be read, or a list is asked with a parameter that it does not have.",
        "`invalid_parameters` names it, and `choices` what there is instead.",
    ),
    "validation": ProblemType(
        422, "The request breaks a rule.", "`invalid_parameters` names each field with its rule and reason."
    ),
    "idempotency-key-missing": ProblemType(
        400,
        "A command came without an `Idempotency-Key`.",
        "Send one of your own for each attempt of a person or job, and the same one with each repetition.",
    ),
    "idempotency-key-reused": ProblemType(
        422,
        "The key was used with another request.",
        "Send a new key; the same one is for the very same request.",
    ),
    "if-match-missing": ProblemType(
        428,
        "The change has to say which state it is meant for.",
        "Send the ETag that the resource was read with as `If-Match`, or `*` for whatever it is.",
    ),
    "version-conflict": ProblemType(
        412,
        "The resource changed since it was read.",
        "Read it again: `current_version` and `changed_fields` tell what happened meanwhile.",
    ),
    "conflict": ProblemType(
        409, "Somebody changed the same at the same moment.", "Try again.", is_retryable=True
    ),
    "quota-exceeded": ProblemType(
        429,
        "The caller has used its quota up.",
        "Wait for `Retry-After`; `RateLimit` tells what is left.",
        is_retryable=True,
    ),
    # Who asks.
    "unauthenticated": ProblemType(401, "There is no valid bearer token.", "Get a token and send it."),
    "forbidden": ProblemType(403, "The role does not allow this.", "Ask somebody whose role does."),
    "not-found": ProblemType(
        404,
        "There is no such thing in the caller's scope.",
        "Foreign things answer the same as those that do not exist.",
    ),
    "seal-broken": ProblemType(
        404,
        "There is no such secret, or it was seen before.",
        "A secret is shown once; have the password reset.",
    ),
    # Operations.
    "operation-in-progress": ProblemType(
        409,
        "Another operation on this resource is not settled.",
        "`operation` is its address; try again when it has ended.",
        is_retryable=True,
    ),
    "superseded": ProblemType(
        409, "The resource was changed at Microsoft meanwhile.", "Look at it, and decide again."
    ),
    "deadline-passed": ProblemType(
        409,
        "The command waited until it was not allowed any more; nothing was sent.",
        "`deadline_at` was the end. What is possible now, a preview tells.",
    ),
    "not-built": ProblemType(
        501, "This way of running the platform cannot do it.", "See the documentation of the route."
    ),
    # Prices and purchases.
    "quote-expired": ProblemType(409, "The quote's 15 minutes are over.", "Ask for a new one."),
    "price-missing": ProblemType(
        409, "There is no sales price.", "The reseller sets one; a customer cannot buy without."
    ),
    "quantity-out-of-range": ProblemType(
        422, "The offer is not sold in this quantity.", "The catalogue tells least and most."
    ),
    # The life of subscriptions.
    "subscription-not-active": ProblemType(
        409, "The subscription's status does not allow this.", "`status` tells it."
    ),
    "subscription-not-imported": ProblemType(
        409,
        "Only what the first synchronisation found has a day from which it is billed.",
        "Nothing is to be done.",
    ),
    "commitment-locked": ProblemType(
        409,
        "Seats cannot be given back before the term ends.",
        "`allowed_from` is the day from which they can; `reducible` how many can now.",
    ),
    "cancellation-window-closed": ProblemType(
        409, "It can no longer be cancelled in this term.", "`alternatives`: let it end with its term."
    ),
    # Tenants and users.
    "domain-taken": ProblemType(
        409,
        "The domain belongs to somebody.",
        "Choose another, or link the tenant that has it (`alternatives`).",
    ),
    "address-invalid": ProblemType(
        422,
        "The organisation's address or contact is not complete.",
        "`invalid_parameters` names what is missing.",
    ),
    "agreement-missing": ProblemType(
        409, "The Microsoft customer agreement is not accepted.", "Have it accepted first."
    ),
    "tenant-not-linked": ProblemType(
        409, "The tenant belongs to no organisation, or not to this one.", "Link it first."
    ),
    "usage-location-missing": ProblemType(
        422, "A licence needs the user's country.", "Set `usage_location` of the user."
    ),
    "no-free-seats": ProblemType(409, "All seats are in use.", "Buy seats, or take a licence away."),
    "user-exists": ProblemType(409, "The sign-in name is taken.", "Choose another."),
    # Billing.
    "window-open": ProblemType(409, "The cycle is not over yet.", "`dated_on` is its day."),
    "earlier-report-open": ProblemType(
        409, "An earlier report of this customer is not issued.", "Issue or hold it first."
    ),
    "earlier-cycle-open": ProblemType(409, "An earlier cycle is not closed.", "Close it first."),
    "cycle-closing": ProblemType(
        409, "The cycle is being closed.", "Its reports are issued by the close; read how far it is."
    ),
    "not-blocked": ProblemType(409, "Only a blocked report can be held.", "Its `status` tells what it is."),
    "report-empty": ProblemType(409, "The report has no line.", "There is nothing to issue."),
    "bounds-exceeded": ProblemType(
        409,
        "A line would exceed what a charge can be given back for.",
        "The detail names it; a person must look.",
    ),
    "credit-exceeds-line": ProblemType(
        409, "The credit is more than what is open of its line.", "The answer tells how much that is."
    ),
    # Microsoft's invoices.
    "invoice-imported": ProblemType(
        409, "This invoice was taken in already.", "Discard that import first if it was a mistake."
    ),
    "match-running": ProblemType(409, "The match is not done.", "Read the import until it is `matched`."),
    "import-settled": ProblemType(
        409, "The import is signed off or discarded.", "It cannot be changed any more."
    ),
    "nothing-to-decide": ProblemType(409, "This match needs no decision.", "It is explained."),
    "differences-undecided": ProblemType(
        409, "Differences wait for a decision.", "`filter[undecided]=true` lists them."
    ),
    # Microsoft and the platform.
    "upstream-rejected": ProblemType(
        409,
        "Microsoft refused the command.",
        "`upstream` has its code and correlation id, for a support case.",
    ),
    "upstream-busy": ProblemType(
        409,
        "Microsoft held the command up for too long; it was given up without effect.",
        "Give it again later.",
    ),
    "upstream-unavailable": ProblemType(
        503, "Microsoft does not answer.", "Try again; nothing was done.", is_retryable=True
    ),
    "read-model-behind": ProblemType(
        503,
        "What the `Consistency-Token` names is not visible yet.",
        "Try again, or read without the token what is known so far.",
        is_retryable=True,
    ),
    "unavailable": ProblemType(
        503,
        "A part of the platform does not answer.",
        "Try again with the same key: nothing is doubled.",
        is_retryable=True,
    ),
    # The address itself, and our own failures.
    "method-not-allowed": ProblemType(
        405, "This address does not take that method.", "See the OpenAPI document."
    ),
    "internal": ProblemType(
        500, "Something failed on our side.", "`instance` is the trace to name in a report."
    ),
}


def as_page() -> str:
    """The registry as a page in Markdown."""
    head = (
        "# Problem types\n\n"
        "Every failure is an RFC 9457 document. Its `type` is `/problems/<name>`, which every gateway answers; `code` is the name with\n"
        "underscores. Made from the registry (`csp_runtime.problem_types`): `python -m csp_runtime.problem_types > docs/problems.md`.\n"
    )
    parts = [
        f"\n## {name}\n\n{each.status}{', may be tried again' if each.is_retryable else ''}. {each.meaning} {each.remedy}\n"
        for name, each in sorted(PROBLEM_TYPES.items())
    ]
    return head + "".join(parts)


if __name__ == "__main__":
    print(as_page(), end="")  # noqa: T201 - its purpose
