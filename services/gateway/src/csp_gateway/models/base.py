"""What every resource's models share."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
Cycle = Literal["P1M", "P1Y", "P3Y"]


class Body(BaseModel):
    """A request: unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(BaseModel):
    """An answer: every field is there, unknown is null."""

    model_config = ConfigDict(frozen=True)


class Money(View):
    """Decimal text, never a float."""

    amount: str = Field(examples=["12.40"])
    currency: str = Field(examples=["EUR"])


class PageMeta(View):
    """Where the next page is."""

    size: int
    next: str | None


class Meta(View):
    """About a list."""

    page: PageMeta
    as_of: datetime


class ListOf(View, Generic[T]):
    """A page."""

    data: list[T]
    meta: Meta


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
    invalid_parameters: list[dict[str, Any]]
