"""The Thrift compact protocol, read only: what Parquet writes its footer and page headers in.

A struct comes back as a mapping from field number to value, so fields that this code does not know survive.
Damaged input raises `ThriftDamaged`, whatever it looks like.
"""

import struct
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
        match kind:
            case 1 | 2:  # inside a list a boolean has a byte of its own
                return self.byte() == _TRUE
            case 3:
                return struct.unpack("<b", self.take(1))[0]
            case 4 | 5 | 6:
                return self.zigzag()
            case 7:
                return struct.unpack("<d", self.take(8))[0]
            case 8:
                return self.take(self.varint())
            case 9 | 10:
                head = self.byte()
                count = head >> 4 if head >> 4 < _LONG_LIST else self.varint()
                if count > len(self.data):  # each element takes a byte at least
                    raise ThriftDamaged("a list longer than the file")
                return [self.value(head & 0x0F, depth + 1) for _ in range(count)]
            case 11:
                count = self.varint()
                kinds = self.byte() if count else 0
                if count > len(self.data):
                    raise ThriftDamaged("a map longer than the file")
                return {
                    self.value(kinds >> 4, depth + 1): self.value(kinds & 0x0F, depth + 1)
                    for _ in range(count)
                }
            case 12:
                return self.struct(depth + 1)
            case 13:
                return self.take(16)
            case _:
                raise ThriftDamaged("an unknown type")
