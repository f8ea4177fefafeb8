"""What can go wrong below the business rules.

RuntimeFault
├── KeyAlreadyUsed        the command was carried out before; carries the stored answer
│   └── KeyReused         …with another body: the caller's mistake
├── VersionConflict       somebody else appended to the stream: reload and decide again
├── PositionMoved         another member consumed this batch: roll back and seek
├── NotAsAssumed          streams do not stand where a batch goes on: look, and sort it out anew
└── StoreMisconfigured    the store would lose or hide events with these settings
"""

from typing import Any


class RuntimeFault(Exception):
    """The root of this tree."""

    code = "runtime"


class KeyAlreadyUsed(RuntimeFault):
    """An idempotency key that was written before, with the same request."""

    code = "idempotency-replay"

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("this command was carried out before")
        self.answer = answer


class KeyReused(KeyAlreadyUsed):
    """An idempotency key that was written before, with another request."""

    code = "idempotency-key-reused"


class VersionConflict(RuntimeFault):
    """The stream has moved on since it was loaded."""

    code = "version-conflict"


class PositionMoved(RuntimeFault):
    """The read position is not where this batch began."""

    code = "position-moved"

    def __init__(self, source: str) -> None:
        super().__init__(f"the position in {source} moved")
        self.source = source


class NotAsAssumed(RuntimeFault):
    """A stream's known version is not the one before the batch's first, or the stream is held back."""

    code = "not-as-assumed"


class StoreMisconfigured(RuntimeFault):
    """A setting under which readers of the log would miss events."""

    code = "store-misconfigured"
