"""The port to approvals: whether a command has to wait for somebody's yes."""

from typing import Any, Protocol

from csp_contracts.envelope import Meta


class ApprovalsPort(Protocol):
    """Asked once, before an operation begins."""

    async def is_needed(self, kind: str, target: dict[str, Any], meta: Meta) -> bool:
        """Whether this command stops until it is approved."""


class ApprovalsNotNeeded:
    """Where no approval policy is switched on."""

    async def is_needed(self, kind: str, target: dict[str, Any], meta: Meta) -> bool:
        """Never."""
        del kind, target, meta
        return False
