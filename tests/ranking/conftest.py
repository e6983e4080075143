"""The read model of an empty town is built, so that tests do not read the transfers themselves."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.ranking.folding import fold_all


@pytest.fixture(autouse=True)
async def built(session: AsyncSession) -> None:
    await fold_all(session)
