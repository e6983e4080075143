from hypothesis import given
from hypothesis import strategies as st

from app.push.links import ALPHABET, CODE_MAX, Links, code_of, read_code

SECRET = "a secret"
IDS = st.integers(1, 2**63 - 1)


@given(IDS)
def test_a_code_is_short_and_names_its_delivery(delivery_id: int) -> None:
    code = code_of(delivery_id, secret=SECRET)
    assert len(code) <= CODE_MAX
    assert set(code) <= set(ALPHABET)
    assert read_code(code, secret=SECRET) == delivery_id
    assert read_code(code, secret="another") is None


@given(IDS, st.integers(0, CODE_MAX - 1), st.sampled_from(ALPHABET))
def test_a_code_with_another_letter_is_none(delivery_id: int, at: int, letter: str) -> None:
    code = code_of(delivery_id, secret=SECRET)
    other = code[:at] + letter + code[at + 1 :]
    assert other == code or read_code(other, secret=SECRET) is None


@given(st.text(max_size=30))
def test_anything_else_is_none_and_no_error(code: str) -> None:
    assert read_code(code, secret=SECRET) is None


def test_another_spelling_of_the_number_is_none() -> None:
    assert read_code("0" + code_of(7, secret=SECRET), secret=SECRET) is None


def test_addresses_do_not_show_the_secret() -> None:
    links = Links(base_url="https://x.example", secret=SECRET)
    assert links.link(7) == f"https://x.example/g/{code_of(7, secret=SECRET)}"
    assert links.poster(7).endswith(".png")
    assert SECRET not in repr(links)
