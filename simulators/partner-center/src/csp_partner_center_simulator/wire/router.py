"""Finds the operation of a path: duplicate slashes and letter case do not matter (PC 2.6, 14.4)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from csp_partner_center_simulator.wire.answer import Answer
    from csp_partner_center_simulator.wire.call import Call

READERS = frozenset({"AdminAgents", "SalesAgents", "HelpdeskAgents"})
SELLERS = frozenset({"AdminAgents", "SalesAgents"})
HELPERS = frozenset({"AdminAgents", "HelpdeskAgents"})
ADMINS = frozenset({"AdminAgents"})

# Which delegated roles open what (PC 1.2); a Global Administrator may do everything.
GLOBAL_ADMIN = frozenset({"Global Administrator"})
DIRECTORY_READERS = GLOBAL_ADMIN | {"Directory Readers", "Global Reader"}
USER_LISTERS = DIRECTORY_READERS | {"User Administrator"}
USER_ADMINS = GLOBAL_ADMIN | {"User Administrator"}
USER_CREATORS = USER_ADMINS | {"Directory Writers"}
PASSWORD_ADMINS = USER_ADMINS | {"Privileged Authentication Administrator"}
LICENSE_ADMINS = USER_ADMINS | {"License Administrator", "Directory Writers"}
ROLE_ADMINS = GLOBAL_ADMIN | {"Privileged Role Administrator"}
DOMAIN_READERS = GLOBAL_ADMIN | {"Global Reader", "Directory Writers", "Domain Administrator"}
# Graph lets every one of these roles read the directory it may change.
GRAPH_READERS = DIRECTORY_READERS | {"Directory Writers", "User Administrator", "License Administrator"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Who may call: app-only tokens or not, which partner-side roles, which GDAP role (PC 1.2).

    `app_only_refusal`: status and code for an app-only token where it may not call.
    """

    app_only: bool = True
    app_only_refusal: tuple[int, int] = (403, 900329)
    roles: frozenset[str] = READERS
    gdap: frozenset[str] = frozenset()
    commerce: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation: its name in the reference's table (PC 17), or one of the same pattern."""

    method: str
    path: str
    operation: str
    handler: "Callable[[Call], Answer]"
    rights: Rights = Rights()


@dataclass(slots=True)
class _Node:
    literals: "dict[str, _Node]" = field(default_factory=dict)
    prefixed: "dict[str, _Node]" = field(default_factory=dict)
    wild: "_Node | None" = None
    routes: "dict[str, tuple[Route, tuple[str, ...]]]" = field(default_factory=dict)


QUALIFIED = ("microsoft.graph.", "graph.")


def plain(segment: str) -> str:
    """Give a segment without case and without what OData allows around a name: `microsoft.graph.delta()` is `delta`."""
    name = segment.lower().removesuffix("()")
    return name.rpartition(".")[2] if name.startswith(QUALIFIED) else name


class Router:
    """A tree of path segments; a literal is preferred to a parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self.routes = tuple(routes)
        for route in self.routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.path.strip("/").split("/"):
            if "({" in segment:  # OData functions: name(arguments)
                prefix, _, rest = segment.partition("({")
                names.append(rest.partition("}")[0])
                node = node.prefixed.setdefault(f"{prefix.lower()}(", _Node())
            elif segment.startswith("{"):
                names.append(segment[1:-1])
                node.wild = node.wild or _Node()
                node = node.wild
            else:
                node = node.literals.setdefault(plain(segment), _Node())
        node.routes[route.method] = (route, tuple(names))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Give the route and the path's parameters, or None."""
        segments = [unquote(segment) for segment in path.split("/") if segment]
        found = self._walk(self._root, segments, (), method)
        if found is None:
            return None
        (route, names), values = found
        return route, dict(zip(names, values, strict=True))

    def _walk(
        self, node: _Node, segments: list[str], values: tuple[str, ...], method: str
    ) -> tuple[tuple[Route, tuple[str, ...]], tuple[str, ...]] | None:
        if not segments:
            return (node.routes[method], values) if method in node.routes else None
        head, rest = segments[0], segments[1:]
        literal = node.literals.get(plain(head))
        if literal is not None and (found := self._walk(literal, rest, values, method)) is not None:
            return found
        for prefix, following in node.prefixed.items():
            if head.lower().startswith(prefix) and (
                found := self._walk(following, rest, (*values, head), method)
            ):
                return found
        if node.wild is not None:
            return self._walk(node.wild, rest, (*values, head), method)
        return None
