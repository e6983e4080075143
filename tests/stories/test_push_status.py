"""`shoushan push status`, as an operator runs it."""

import pytest
from click.testing import CliRunner

from app.cli.main import shoushan
from app.core.settings import get_settings


def test_the_status_is_printed_and_the_command_succeeds(
    monkeypatch: pytest.MonkeyPatch, database_url_of_its_own: str
) -> None:
    monkeypatch.setenv("SHOUSHAN_DATABASE_URL", database_url_of_its_own)
    get_settings.cache_clear()
    result = CliRunner().invoke(shoushan, ["push", "status"])
    assert result.exit_code == 0, result.output
    for section in ("Week of", "Issues 期刊", "Pushes", "Open tasks 待办", "In doubt", "At risk"):
        assert section in result.output
