import stat
from pathlib import Path

import pytest

from hearing.access_token import AccessToken, TokenError, token_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sound-guard" / "token"


def test_the_first_time_a_token_is_made_and_later_it_is_the_same(path: Path) -> None:
    made, is_new = AccessToken.kept_in(path)
    assert is_new
    assert AccessToken.kept_in(path) == (made, False)


def test_no_two_are_alike_and_they_are_long(tmp_path: Path) -> None:
    secrets = {AccessToken.kept_in(tmp_path / str(number))[0].secret for number in range(20)}
    assert len(secrets) == 20
    assert min(map(len, secrets)) >= 43


def test_only_this_user_may_read_it(path: Path) -> None:
    AccessToken.kept_in(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_owner_may_bring_a_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("  correct-horse-battery-staple\r\n")
    assert AccessToken.kept_in(path) == (AccessToken("correct-horse-battery-staple"), False)


@pytest.mark.parametrize("content", [b"", b"short", b"two words that are long", b"\xff" * 40, b"a\x00" * 20, b"a" * 15])
def test_what_is_no_token_is_refused_without_repeating_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(TokenError, match="Delete it to get a new one") as refused:
        AccessToken.kept_in(path)
    assert "two words" not in str(refused.value)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TokenError, match=r"file.token: the token cannot be kept there \("):
        AccessToken.kept_in(tmp_path / "file" / "token")


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TokenError):
        AccessToken.kept_in(tmp_path / "token")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("shown", "opens"),
    [
        ("Bearer abcdefghijklmnop", True),
        ("Bearer abcdefghijklmnoq", False),
        ("Bearer abcdefghijklmno", False),
        ("Bearer abcdefghijklmnopq", False),
        ("bearer abcdefghijklmnop", False),
        ("abcdefghijklmnop", False),
        ("Bearer äbcdefghijklmnop", False),
        ("Bearer \udcff", False),
        ("", False),
        (None, False),
    ],
)
def test_only_the_token_itself_opens(shown: str | None, *, opens: bool) -> None:
    assert AccessToken("abcdefghijklmnop").opens(shown) is opens


def test_it_does_not_show_in_what_is_printed_about_it() -> None:
    assert "abcdefghijklmnop" not in repr(AccessToken("abcdefghijklmnop"))


def test_a_service_of_systemd_keeps_it_where_systemd_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert token_path() == Path("/state/sound-guard/token")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/sound-guard:/var/lib/other")
    assert token_path() == Path("/var/lib/sound-guard/token")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/owner")
    assert token_path() == Path("/home/owner/.local/state/sound-guard/token")


def test_a_user_without_a_home_is_told_what_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 987_654)
    with pytest.raises(TokenError, match="--token-file"):
        token_path()
