"""The story of one subscription for questions about it alone, with what it hangs on: a base, a source, a predecessor."""

from typing import Protocol

from csp_billing.domain import facts as f
from csp_billing.domain.family import Story, linked
from csp_billing.settling.close_days import CloseDays
from csp_billing.settling.posting import Known
from csp_billing.settling.timelines import story_of
from csp_runtime.scope import Scope


class StoryFacts(Protocol):
    """What is known inside the scope."""

    async def events(self, scope: Scope, subscription_id: str) -> list[Known]:
        """The facts of one subscription."""

    async def close_days(self, scope: Scope) -> CloseDays:
        """The reseller's close day by date."""


async def one_story(facts: StoryFacts, scope: Scope, subscription_id: str) -> Story | None:
    """What bills a subscription at sales prices, as a settlement of its customer would; None while its start is not known."""
    days = await facts.close_days(scope)
    stories: dict[str, Story] = {}
    wanted: str | None = subscription_id
    while wanted is not None and wanted not in stories:
        history = await facts.events(scope, wanted)
        story = story_of(wanted, (each.told for each in history), "sell", close_days=days)
        if story is None:
            break
        stories[wanted] = story
        links = (fact.link for fact in story.facts if isinstance(fact, f.Started))
        wanted = next((link.subscription for link in links if link is not None), None)
    return linked(stories).get(subscription_id)
