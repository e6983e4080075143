"""What several answers share: amounts, organisations, pages."""

from datetime import time
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
)

from app.credit_bank.models import Unit
from app.credit_bank.rules import amount_text
from app.people.models import Organisation

Row = TypeVar("Row")


def _on_the_towns_clock(at: time) -> time:
    if at.tzinfo is not None or at.microsecond:
        raise ValueError("a time of day in town has no zone and no parts of a second")
    return at


TownTime = Annotated[
    time,
    AfterValidator(_on_the_towns_clock),
    # JSON Schema's own "time" asks for a zone (RFC 3339, full-time), which this must not have.
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"}),
]


class Body(BaseModel):
    """A request's body: an unknown field is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def no_nul(cls, value: object) -> object:
        """PostgreSQL's text has no NUL."""
        if isinstance(value, str) and "\x00" in value:
            raise ValueError("NUL is not allowed")
        return value


class AmountOut(BaseModel):
    unit: str = Field(description="`credit` (学分), `points` (积分), …")
    amount: int = Field(description="In the unit's smallest part: 125 credit = 1.25 学分")
    text: str = Field(description="For people: 1.25 学分")


class OrgOut(BaseModel):
    code: str = Field(description="The organisation's code")
    name: str = Field(description="Its name")


class PageOut(BaseModel, Generic[Row]):
    items: list[Row] = Field(description="The rows of this page")
    next: str | None = Field(description="Cursor of the next page; null on the last")


def amount_out(amount: int, unit: Unit) -> AmountOut:
    text = amount_text(amount, decimals=unit.decimals, name=unit.name)
    return AmountOut(unit=unit.code, amount=amount, text=text)


def org_out(organisation: Organisation | None) -> OrgOut | None:
    if organisation is None:
        return None
    return OrgOut(code=organisation.code, name=organisation.name)
