"""The owner's code as it is stored: hashed, so that nobody can read it in a file, a backup or a diagnosis."""

import hashlib
import hmac
import secrets

DIGITS = range(4, 13)
"""How many digits a code may have."""

_SCHEME = "scrypt"
_COST = (2**14, 8, 1)
"""Of scrypt: 16 MiB and, on a small machine, a tenth of a second for every try."""


def is_code(code: str) -> bool:
    """Return whether it can be typed on the panel's keys, and is not too short."""
    return code.isascii() and code.isdecimal() and len(code) in DIGITS


def hash_code(code: str) -> str:
    """Return what to store of a code: scheme, cost, salt and hash. Blocks for a tenth of a second."""
    salt = secrets.token_bytes(16)
    return "$".join((_SCHEME, *map(str, _COST), salt.hex(), _digest(code, salt, *_COST).hex()))


def matches(code: str, hashed: str) -> bool:
    """Return whether it is the code that was hashed; takes as long for a wrong one. Blocks for a tenth of a second."""
    try:
        scheme, n, r, p, salt, digest = hashed.split("$")
        found, expected = _digest(code, bytes.fromhex(salt), int(n), int(r), int(p)), bytes.fromhex(digest)
    except ValueError:
        return False
    return scheme == _SCHEME and hmac.compare_digest(found, expected)


def _digest(code: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # OpenSSL wants to be allowed a little more memory than scrypt needs.
    return hashlib.scrypt(code.encode(), salt=salt, n=n, r=r, p=p, maxmem=64 * 2**20)
