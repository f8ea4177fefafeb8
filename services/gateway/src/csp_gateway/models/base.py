"""What every resource's models share."""

from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

T = TypeVar("T")
Cycle = Literal["P1M", "P1Y", "P3Y"]


class Body(BaseModel):
    """A request: unknown fields are refused by name, and so is text that no database can hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _can_be_kept(cls, value: object) -> object:
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and "\0" in text for text in texts):
            raise PydanticCustomError("text", "must not contain a NUL character")
        return value


class View(BaseModel):
    """An answer: every field is there, unknown is null."""

    model_config = ConfigDict(frozen=True)


Links = dict[str, str | None]
"""Where to go on from an object, by name: `self` and what belongs to it. Null where this surface does not show it."""


class Resource(View):
    """What every object has. Null is what nobody keeps of such a thing."""

    id: str
    created_at: datetime | None
    updated_at: datetime | None
    version: int | None = Field(description="how often it was changed; null where each read computes it")
    origin: str | None = Field(
        description="who caused it: `portal`, `api`, `microsoft`, `reconciliation`, `import` or `system`"
    )
    external_refs: dict[str, str | None] = Field(description="what others call it")
    links: Links = Field(description="addresses of itself and of what belongs to it")


class Money(View):
    """Decimal text, never a float."""

    amount: str = Field(examples=["12.40"])
    currency: str = Field(examples=["EUR"])


class PageMeta(View):
    """Where the pages around this one are; lists that an owner pages know twenty pages back."""

    size: int
    next: str | None
    previous: str | None


class Meta(View):
    """About a list."""

    page: PageMeta
    as_of: datetime


class ListOf(View, Generic[T]):
    """A page."""

    data: list[T]
    meta: Meta


class Count(View):
    """How many rows the filters leave; `is_exact` false: at least so many."""

    count: int
    is_exact: bool


class CountedMeta(Meta):
    """About a list that can be counted: `include=total_estimate`."""

    total_estimate: Count | None


class CountedListOf(View, Generic[T]):
    """A page of a list that can be counted."""

    data: list[T]
    meta: CountedMeta


class InvalidParameter(View):
    """One field that breaks one rule."""

    model_config = ConfigDict(extra="allow", frozen=True)

    field: str
    rule: str
    reason: str
    source: str = Field(description="`body`, `query`, `path` or `header`")
    choices: list[str] = Field([], description="there where it must be one of few")


class Problem(View):
    """RFC 9457."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    detail: str | None
    instance: str | None
    code: str
    retryable: bool
    invalid_parameters: list[InvalidParameter]
