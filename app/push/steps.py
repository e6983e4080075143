"""What the driver of a publication is to do next, outside any transaction."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

Purpose = Literal["body", "cover"]


@dataclass(frozen=True)
class UploadPicture:
    """Give the account a picture of ours, as a body's address or as a cover's media_id."""

    sha256: str
    purpose: Purpose
    path: Path


@dataclass(frozen=True)
class Page:
    """One article as the platform wants it."""

    title: str
    author: str
    digest: str
    content: str
    source_url: str
    cover_media_id: str


@dataclass(frozen=True)
class AddDraft:
    """The draft of this version of the content."""

    version: int
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class Submit:
    """Hand the draft in. `client_msg_id` makes a mass send repeatable; publishing is not.

    Not after `before`: by then another process may think that this one died.
    """

    method: Literal["freepublish", "mass"]
    media_id: str
    client_msg_id: str
    tag_id: int | None
    attempt: int
    before: datetime


@dataclass(frozen=True)
class Check:
    """Ask what became of it."""

    method: Literal["freepublish", "mass"]
    job_id: str


@dataclass(frozen=True)
class FindPublished:
    """Look for our article among the published ones."""

    source_url: str


Step = UploadPicture | AddDraft | Submit | Check | FindPublished
