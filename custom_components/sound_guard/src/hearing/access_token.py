"""The token that a house shows to be given a second look, and the file it is kept in."""

import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_RANDOM_BYTES = 32
_LEAST_CHARACTERS = 16
_MOST_BYTES = 4096


class TokenError(Exception):
    """There is no token to be had; the message names the file and the reason, never the token."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Whoever shows it may ask."""

    secret: str = field(repr=False)

    def opens(self, authorization: str | None) -> bool:
        """Return whether that is the header of a request which may be answered, in a time that tells nothing."""
        expected, shown = f"Bearer {self.secret}", authorization or ""
        return hmac.compare_digest(expected.encode(), shown.encode(errors="surrogateescape"))

    @classmethod
    def kept_in(cls, path: Path) -> tuple[Self, bool]:
        """Return the token in a file, and whether it is new: the first time one is made, for this user alone to read.

        Raises:
            TokenError: the file cannot be read or written, or holds no token.
        """
        try:
            if path.exists():
                return cls(_read(path)), False
            token = cls(secrets.token_urlsafe(_RANDOM_BYTES))
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(token.secret + "\n")
        except OSError as error:
            raise TokenError(f"{path}: the token cannot be kept there ({error.strerror or error}).") from error
        return token, True


def token_path() -> Path:
    """Return where the token is kept if nobody says otherwise: systemd's folder of the service, or the user's.

    Raises:
        TokenError: there is neither.
    """
    if folder := os.environ.get("STATE_DIRECTORY"):
        return Path(folder.split(":")[0]) / "token"
    if folder := os.environ.get("XDG_STATE_HOME"):
        return Path(folder) / "sound-guard" / "token"
    try:
        return Path.home() / ".local" / "state" / "sound-guard" / "token"
    except RuntimeError as error:
        raise TokenError("this user has no home folder; say with --token-file where to keep the token.") from error


def _read(path: Path) -> str:
    with path.open("rb") as file:
        secret = file.read(_MOST_BYTES).decode("ascii", errors="replace").strip()
    if len(secret) < _LEAST_CHARACTERS or not all("!" <= character <= "~" for character in secret):
        raise TokenError(
            f"{path}: holds no token of at least {_LEAST_CHARACTERS} letters and digits. Delete it to get a new one."
        )
    return secret
