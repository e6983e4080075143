"""The colours and the drawings of the pages, in numbers."""

import gzip
import re
from itertools import product

import pytest

from app.api.pages import charts, static


@pytest.mark.parametrize(
    ("values", "top"),
    [([], 1), ([0, 0], 1), ([3], 3), ([230], 300), ([1000], 1000), ([1001], 2000)],
)
def test_a_scale_ends_at_a_round_number(values: list[int], top: int) -> None:
    assert charts.ceiling(values) == top


def test_points_stay_on_the_paper() -> None:
    assert charts.points([], 100, 50) == []
    assert charts.points([5], 100, 50, 10) == [(50, 25)]
    assert charts.points([0, 10, -3], 100, 50, 10) == [(0, 50), (50, 0), (100, 50)]
    assert charts.share(12, 10) == 100
    assert charts.share(3, 0) == 0
    assert charts.ring(1, 2, 50)[0] == charts.ring(1, 2, 50)[1]


@pytest.mark.parametrize("count", range(40))
def test_the_names_of_an_axis_keep_their_distance(count: int) -> None:
    shown = charts.ticks(count, 5)
    assert len(shown) <= 6
    assert shown == sorted(set(shown))
    if count:
        assert {shown[0], shown[-1]} == {0, count - 1}


def luminance(colour: str) -> float:
    full = colour if len(colour) == 7 else "#" + "".join(part * 2 for part in colour[1:])
    parts = [int(full[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def schemes() -> dict[str, dict[str, str]]:
    """Scheme → token → colour."""
    tokens = (static.ROOT / "css/tokens.css").read_text()
    light, dark = tokens.split("prefers-color-scheme: dark")
    paper = (static.ROOT / "css/print.css").read_text()
    found = [dict(re.findall(r"--([\w-]+): (#\w+);", part)) for part in (light, dark, paper)]
    return {
        "light": found[0],
        "dark": found[0] | found[1],
        "print": found[0] | found[2],
    }


SCHEMES = ("light", "dark", "print")
GROUNDS = ("paper", "card", "sunk")
PAIRS = [
    *product(("ink", "soft", "green", "green-strong", "brick", "red"), GROUNDS),
    *product(("gold", "blue"), ("paper", "card")),
    *product(("ink",), ("green-wash", "brick-wash", "gold-wash", "red-wash", "blue-wash")),
    *((name, f"{name}-wash") for name in ("green", "brick", "gold", "red", "blue")),
    *(("green-strong", "green-wash"), ("soft", "green-wash"), ("red", "paper")),
    *(("on-green", "green"), ("on-green", "green-strong"), ("card", "red"), ("paper", "ink")),
]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("ink", "ground"), list(dict.fromkeys(PAIRS)))
def test_text_stands_out_from_its_ground(scheme: str, ink: str, ground: str) -> None:
    colours = schemes()[scheme]
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_edges_of_fields_and_the_focus_can_be_seen(scheme: str) -> None:
    colours = schemes()[scheme]
    for name, ground in product(("edge", "focus"), ("paper", "card")):
        assert contrast(colours[name], colours[ground]) >= 3, (name, ground)


def test_a_bundle_is_what_its_parts_are() -> None:
    whole = gzip.decompress(static.ASSETS["site.css"].compressed)
    assert whole.count(b"{") == whole.count(b"}")
