"""What can be asked of the fields of a row, as the model that shows it has them."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from csp_gateway.surfaces.filters import Filter, day, moment, number, searched, text, truth
from csp_runtime.annotations import without_none

_SEARCHED = ("name", "title", "domain")
_BY_TYPE: dict[Any, Any] = {int: number, date: day, datetime: moment, bool: truth}


def names_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of the fields, as they are shown."""
    return tuple(each.alias or name for name, each in model.model_fields.items())


def filters_of(model: type[BaseModel]) -> tuple[Filter, ...]:
    """A filter for each field that is a text, a number, a day, a moment or a truth."""
    found = (_filter(each.alias or name, each.annotation) for name, each in model.model_fields.items())
    return tuple(replace(each, is_of_shown=True) for each in found if each is not None)


def _filter(name: str, annotation: Any) -> Filter | None:  # a type, or a union of types
    annotation = without_none(annotation)
    if get_origin(annotation) is Literal:
        return text(name, choices=get_args(annotation))
    if annotation is str:
        return searched(name) if name.endswith(_SEARCHED) else text(name)
    return _BY_TYPE[annotation](name) if annotation in _BY_TYPE else None
