import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from app.push import posters
from app.push.posters import Poster

ONE = Poster(
    day=date(2026, 11, 24),
    place="文坪村",
    platform="微讲堂",
    title="接到“公检法”电话怎么办",
    text="先挂断，再拨 96110。",
    link="https://xuetang.example/g/7abcdefgh",
)


def test_a_poster_is_a_tall_picture() -> None:
    with Image.open(io.BytesIO(posters.draw(ONE))) as picture:
        assert (picture.format, picture.size) == ("PNG", (posters.WIDTH, posters.HEIGHT))
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 10


@pytest.mark.parametrize(
    "hostile", ["#panic()", "$x$ *b* _i_ <label> @ref", '"] #read("/etc/passwd")', "学" * 300, ""]
)
def test_words_on_it_are_never_markup(hostile: str) -> None:
    posters.draw(replace(ONE, title=hostile, text=hostile, place=hostile))


def test_it_is_drawn_once_for_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = posters.drawn(ONE, directory=tmp_path / "posters")
    monkeypatch.setattr(posters, "draw", lambda _: b"again")
    assert posters.drawn(ONE, directory=tmp_path / "posters") == first
    assert posters.drawn(replace(ONE, text="别的"), directory=tmp_path / "posters") == b"again"
    assert len(list((tmp_path / "posters").iterdir())) == 2
