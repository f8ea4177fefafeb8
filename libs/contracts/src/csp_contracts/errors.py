"""What can be wrong with a record of the contract.

ContractError
├── UnknownEventType      the wire name is not in the registry
├── UndecodableEvent      the bytes do not fit the type
├── MalformedCloudEvent   an attribute is missing, or is no such value
└── MalformedId           an id has no prefix of ours, or no UUID behind it
"""


class ContractError(Exception):
    """A record, name or id that does not fit the contract."""

    code = "contract"


class UnknownEventType(ContractError):
    """A wire name that this version of the contracts does not know."""

    code = "unknown-event-type"

    def __init__(self, wire_name: str) -> None:
        super().__init__(f"no event type is called {wire_name!r}")
        self.wire_name = wire_name


class UndecodableEvent(ContractError):
    """Bytes that are no JSON, or lack what their type requires."""

    code = "undecodable-event"

    def __init__(self, wire_name: str, reason: str) -> None:
        super().__init__(f"{wire_name}: {reason}")
        self.wire_name = wire_name


class MalformedCloudEvent(ContractError):
    """A record whose CloudEvents attributes are not ours; the attribute is named, its value is not."""

    code = "malformed-cloud-event"

    def __init__(self, attribute: str, rule: str) -> None:
        super().__init__(f"CloudEvents attribute {attribute!r}: {rule}")
        self.attribute = attribute


class MalformedId(ContractError):
    """An id that cannot be one of ours."""

    code = "malformed-id"
