"""What is installed is what was looked at: one version, known files, from wherever one trusts."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PINNED = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,._-]+\])?==[0-9][\w.!+]*( ; [^@:]+)?")
HASHED = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_requirement_is_one_version_of_known_files(name: str) -> None:
    lock = (PROJECT / name).read_text("utf-8")
    # An address, or an option that leads to one, would bypass whoever installs it.
    assert "://" not in lock
    requirements = lock.replace("\\\n", " ").splitlines()
    assert len(requirements) > 30
    for line in requirements:
        what, *hashes = re.split(r" +(?=--hash)", line.strip())
        assert PINNED.fullmatch(what.strip()), line
        assert hashes, line
        assert all(HASHED.fullmatch(one.strip()) for one in hashes), line
