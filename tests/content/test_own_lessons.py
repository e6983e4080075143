"""The lessons this project brings along."""

from pathlib import Path

import pytest

from app.content.importing import read_directory
from app.content.lesson_file import read_lesson

CONTENT = Path(__file__).resolve().parents[2] / "content"
FILES = sorted(CONTENT.glob("*.md"))


def test_there_are_enough() -> None:
    drafts, errors = read_directory(CONTENT)
    assert errors == []
    assert len(drafts) >= 24
    assert {draft.platform for draft in drafts} == {
        *("干部夜校", "微讲堂", "志愿服务", "远程教育", "开放日", "校园文艺")
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_is_sound(path: Path) -> None:
    draft = read_lesson(path)
    assert draft.key == path.stem
    assert len(draft.questions) == 3
    assert all(question.why for question in draft.questions)
    assert draft.source
    assert "**" not in draft.plain
    assert "##" not in draft.plain
