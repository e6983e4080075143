"""What a process never uses does not come with it: memory and the time of its start."""

import subprocess
import sys

import pytest

HEAVY = ("alembic", "app.sandbox", "openpyxl", "PIL", "typst", "xlsxwriter", "yaml")


@pytest.mark.parametrize(
    ("process", "spared"),
    [
        ("app.cli.main", (*HEAVY, "app.api", "app.worker", "fastapi", "sqlalchemy")),
        ("app.cli.web_process, app.main", (*HEAVY, "app.worker")),
        ("app.cli.worker_process", (*HEAVY, "app.api", "fastapi", "uvicorn")),
    ],
)
def test_a_process_loads_what_it_uses(process: str, spared: tuple[str, ...]) -> None:
    asked = f"import {process}, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)
    modules = loaded.stdout.decode().split()
    for name in spared:
        assert not [one for one in modules if one == name or one.startswith(f"{name}.")], name
