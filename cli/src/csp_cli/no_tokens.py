"""A verifier for apps that are only described, never served."""

from csp_runtime.problems import Problem
from csp_runtime.scope import Scope


class NoTokens:
    """Refuses everything."""

    async def verify(self, token: str) -> Scope:
        """As `TokenVerifier`."""
        del token
        raise Problem("unauthenticated", "This app only describes itself")
