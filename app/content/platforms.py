"""The platforms a lesson may belong to: named in platforms.toml, mirrored in the database."""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.models import Platform


@dataclass(frozen=True)
class PlatformFacts:
    name: str
    position: int
    full_name: str
    summary: str


def _read() -> tuple[PlatformFacts, ...]:
    rows = tomllib.loads(Path(__file__).with_name("platforms.toml").read_text("utf-8"))["platform"]
    return tuple(PlatformFacts(position=position, **row) for position, row in enumerate(rows, 1))


PLATFORMS = _read()
PLATFORM_NAMES = tuple(platform.name for platform in PLATFORMS)


async def load_platforms(session: AsyncSession) -> None:
    """Bring the table to what the file says; a platform gone from the file stays, as lessons do."""
    rows = insert(Platform).values([asdict(platform) for platform in PLATFORMS])
    new = {name: rows.excluded[name] for name in ("position", "full_name", "summary")}
    await session.execute(rows.on_conflict_do_update(index_elements=["name"], set_=new))
