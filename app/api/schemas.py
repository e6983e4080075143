"""What several answers share: amounts, organisations, pages."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.credit_bank.models import Unit
from app.credit_bank.rules import amount_text
from app.people.models import Organisation

Row = TypeVar("Row")


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
