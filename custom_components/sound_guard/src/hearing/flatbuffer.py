"""Reads FlatBuffers, the format of .tflite files, and trusts nothing in them."""

import struct
from typing import Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

DAMAGED: Final = "the model file is damaged"


class ModelFormatError(ValueError):
    """The bytes are not a model that can be run; the message says why."""


class Flatbuffer:
    """The bytes of one file. Every access is checked against its length."""

    def __init__(self, content: bytes, identifier: bytes) -> None:
        """Check the four letters that name the format.

        Raises:
            ModelFormatError: the content carries another name or is too short to carry any.
        """
        if content[4:8] != identifier:
            raise ModelFormatError(f"this is not a model file: the mark {identifier.decode()} is missing")
        self.content = content
        # In a sound file no two vectors overlap. The budget stops a file in which thousands of them do.
        self._budget_bytes = 4 * len(content)

    @property
    def root(self) -> "Table":
        """The table everything hangs from."""
        return Table(self, self.follow(0))

    def number(self, layout: str, position: int) -> int:
        """Return the integer that `layout` (a struct format) finds at a byte position.

        Raises:
            ModelFormatError: it lies outside the file.
        """
        if position < 0 or position + struct.calcsize(layout) > len(self.content):
            raise ModelFormatError(f"{DAMAGED}: something points outside the file")
        return int(struct.unpack_from(layout, self.content, position)[0])

    def follow(self, position: int) -> int:
        """Return the byte position that the offset at a byte position points to."""
        return position + self.number("<I", position)

    def vector(self, position: int, item_bytes: int) -> tuple[int, int]:
        """Return where the items of a vector begin and how many there are.

        Raises:
            ModelFormatError: it reaches beyond the end of the file.
        """
        count = self.number("<I", position)
        if position + 4 + count * item_bytes > len(self.content):
            raise ModelFormatError(f"{DAMAGED}: a list reaches beyond its end")
        return position + 4, count

    def spend(self, size_bytes: int) -> None:
        """Count bytes that were read.

        Raises:
            ModelFormatError: more was read than an undamaged file can hold.
        """
        self._budget_bytes -= size_bytes
        if self._budget_bytes < 0:
            raise ModelFormatError(f"{DAMAGED}: its parts overlap")


class Table:
    """One record of a FlatBuffer. Fields are counted from 0, as in the format's schema; absent ones are normal."""

    __slots__ = ("_file", "_layout", "_layout_bytes", "_position")

    def __init__(self, file: Flatbuffer, position: int | None) -> None:
        """Find the table's list of fields; a table at position None has none."""
        self._file = file
        self._position = position or 0
        self._layout = 0 if position is None else position - file.number("<i", position)
        self._layout_bytes = 0 if position is None else file.number("<H", self._layout)

    def _field(self, field: int) -> int | None:
        slot = 4 + 2 * field
        offset = self._file.number("<H", self._layout + slot) if slot + 2 <= self._layout_bytes else 0
        return self._position + offset if offset else None

    def __contains__(self, field: int) -> bool:
        """Return whether the field is there."""
        return self._field(field) is not None

    def integer(self, field: int, default: int = 0, layout: str = "<i") -> int:
        """Return a whole number; `layout` is its struct format."""
        position = self._field(field)
        return default if position is None else self._file.number(layout, position)

    def byte(self, field: int) -> int:
        """Return a small number, such as a choice from a list; 0 where absent."""
        return self.integer(field, layout="b")

    def flag(self, field: int) -> bool:
        """Return a truth value; False where absent."""
        return self.byte(field) != 0

    def real(self, field: int) -> float:
        """Return a 32-bit float; 0.0 where absent."""
        bits = self.integer(field, layout="<I")
        return float(struct.unpack("<f", struct.pack("<I", bits))[0])

    def array(self, field: int, dtype: DTypeLike) -> NDArray[np.generic]:
        """Return a vector of numbers, read-only and without copying; empty where absent."""
        kind = np.dtype(dtype).newbyteorder("<")
        position = self._field(field)
        if position is None:
            return np.zeros(0, kind)
        start, count = self._file.vector(self._file.follow(position), kind.itemsize)
        return np.frombuffer(self._file.content, kind, count, start)

    def integers(self, field: int) -> tuple[int, ...]:
        """Return a vector of 32-bit integers; empty where absent."""
        numbers = self.array(field, np.int32)
        self._file.spend(numbers.nbytes)
        return tuple(numbers.tolist())

    def text(self, field: int) -> str:
        """Return a string; empty where absent."""
        letters = self.array(field, np.uint8)
        self._file.spend(letters.nbytes)
        try:
            return letters.tobytes().decode()
        except UnicodeDecodeError:
            raise ModelFormatError(f"{DAMAGED}: a name is not text") from None

    def table(self, field: int) -> "Table":
        """Return the table that a field refers to; where absent, one without fields."""
        position = self._field(field)
        return Table(self._file, None if position is None else self._file.follow(position))

    def tables(self, field: int) -> list["Table"]:
        """Return a vector of tables; empty where absent."""
        position = self._field(field)
        if position is None:
            return []
        start, count = self._file.vector(self._file.follow(position), 4)
        self._file.spend(4 * count)
        return [Table(self._file, self._file.follow(start + 4 * item)) for item in range(count)]
