"""What a type annotation says of a value that may be left out."""

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin


def without_none(annotation: Any) -> Any:  # an annotation: a type, or a union of types
    """The one type beside None in a union with it; any other annotation as it is."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    some = [each for each in get_args(annotation) if each is not NoneType]
    return some[0] if len(some) == 1 else annotation
