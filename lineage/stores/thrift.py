"""The Thrift compact protocol, read only: what Parquet writes its footer and page headers in.

A struct comes back as a mapping from field number to value. Damaged input raises `ThriftDamaged`.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

Struct = dict[int, Any]

_DEEPEST: Final = 64  # Parquet nests far less; damaged bytes must not exhaust the stack
_TRUE: Final = 1
_FALSE: Final = 2
_LONG_LIST: Final = 15
_LONGEST_VARINT: Final = 70  # bits: ten groups of seven hold 64 bits


class ThriftDamaged(ValueError):
    """The bytes are not a Thrift compact struct."""


def read_struct(data: bytes, start: int = 0) -> tuple[Struct, int]:
    """Read one struct; return it and the position after it."""
    reader = _Reader(data, start)
    try:
        found = reader.struct(0)
    except (IndexError, struct.error) as damage:
        raise ThriftDamaged("the bytes end inside a struct") from damage
    return found, reader.at


class _Reader:
    def __init__(self, data: bytes, start: int) -> None:
        self.data = data
        self.at = start

    def byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  # the continuation bit
                return value
            shift += 7
            if shift >= _LONGEST_VARINT:
                raise ThriftDamaged("an endless number")

    def zigzag(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def take(self, length: int) -> bytes:
        if length < 0 or self.at + length > len(self.data):
            raise ThriftDamaged("the bytes end inside a value")
        value = self.data[self.at : self.at + length]
        self.at += length
        return bytes(value)

    def struct(self, depth: int) -> Struct:
        if depth > _DEEPEST:
            raise ThriftDamaged("nested too deeply")
        fields: Struct = {}
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            kind = head & 0x0F
            fields[number] = (kind == _TRUE) if kind <= _FALSE else self.value(kind, depth)
        return fields

    def value(self, kind: int, depth: int) -> Any:
        read = _READERS.get(kind)
        if read is None:
            raise ThriftDamaged("an unknown type")
        return read(self, depth)

    def elements(self, depth: int) -> list[Any]:
        head = self.byte()
        count = head >> 4 if head >> 4 < _LONG_LIST else self.varint()
        return [self.value(head & 0x0F, depth + 1) for _ in range(self.plausible(count))]

    def pairs(self, depth: int) -> dict[Any, Any]:
        count = self.varint()
        kinds = self.byte() if count else 0
        return {
            self.value(kinds >> 4, depth + 1): self.value(kinds & 0x0F, depth + 1)
            for _ in range(self.plausible(count))
        }

    def plausible(self, count: int) -> int:
        if count > len(self.data):  # each element takes a byte at least
            raise ThriftDamaged("a collection longer than the file")
        return count


# The numbers are the protocol's types. A boolean inside a list has a byte of its own.
_READERS: Final[dict[int, Callable[[_Reader, int], Any]]] = {
    1: lambda reader, _: reader.byte() == _TRUE,
    2: lambda reader, _: reader.byte() == _TRUE,
    3: lambda reader, _: struct.unpack("<b", reader.take(1))[0],
    4: lambda reader, _: reader.zigzag(),
    5: lambda reader, _: reader.zigzag(),
    6: lambda reader, _: reader.zigzag(),
    7: lambda reader, _: struct.unpack("<d", reader.take(8))[0],
    8: lambda reader, _: reader.take(reader.varint()),
    9: lambda reader, depth: reader.elements(depth),
    10: lambda reader, depth: reader.elements(depth),
    11: lambda reader, depth: reader.pairs(depth),
    12: lambda reader, depth: reader.struct(depth + 1),
    13: lambda reader, _: reader.take(16),
}
