"""The fixtures of tests/api, which tell the same story call by call."""

from tests.api.conftest import service, settings, terse_log

__all__ = ["service", "settings", "terse_log"]
