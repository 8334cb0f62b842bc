"""The code as it is stored."""

import pytest

from custom_components.sound_guard.code import hash_code, is_code, matches


def test_only_the_right_code_matches() -> None:
    hashed = hash_code("0042")
    assert matches("0042", hashed)
    assert not [wrong for wrong in ("0043", "42", "00420", "", "٠٠٤٢") if matches(wrong, hashed)]


def test_what_is_stored_tells_nothing_about_the_code() -> None:
    one, other = hash_code("0042"), hash_code("0042")
    assert one != other, "two houses with the same code must not look alike"
    assert "0042" not in one.split("$")
    assert one.startswith("scrypt$16384$8$1$")


@pytest.mark.parametrize("damaged", ["", "0042", "scrypt$16384$8$1$00", "scrypt$x$8$1$00$00", "scrypt$0$8$1$00$00"])
def test_nothing_matches_what_is_damaged(damaged: str) -> None:
    assert not matches("0042", damaged)


def test_another_scheme_is_not_taken_for_ours() -> None:
    assert not matches("0042", hash_code("0042").replace("scrypt", "plain"))


@pytest.mark.parametrize("code", ["0042", "123456789012"])
def test_digits_are_a_code(code: str) -> None:
    assert is_code(code)


@pytest.mark.parametrize("other", ["", "123", "1234567890123", "12a4", "٣٤٣٤", "12 34", "-1234", "²²²²"])
def test_anything_else_is_no_code(other: str) -> None:
    assert not is_code(other)
