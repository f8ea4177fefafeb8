"""Labels: the reseller's own keys and values on its objects."""

from pydantic import Field

from csp_gateway.models.base import Body, View

LABELS_ARE = (
    "Change labels by a merge patch (RFC 7396): a value sets one, null takes one away, what is not named stays. Labels are the "
    "reseller's own, customers are not shown them; they must not name a person. Lists filter by them: `filter[labels.<key>]`."
)


class LabelsPatch(Body):
    """Keys of small letters, digits and underscores with texts of up to 200 characters; 50 labels at most."""

    labels: dict[str, str | None] = Field(max_length=100, examples=[{"cost_centre": "4711", "region": None}])


class Labelled(View):
    """All labels afterwards."""

    id: str
    labels: dict[str, str]
    version: int
