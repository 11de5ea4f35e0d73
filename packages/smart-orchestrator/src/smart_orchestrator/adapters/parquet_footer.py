"""Parse the number of rows and the columns from the footer of a Parquet file, without a Parquet library.

The footer is a Thrift structure in the compact protocol (parquet.thrift, `FileMetaData`). The number of rows and the schema come
before the row groups, so the parser stops before the statistics of the columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.contract.reading import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SIGNATURE = b"PAR1"
ENCRYPTED_SIGNATURE = b"PARE"
# The number of bytes after the footer: four bytes with the length of the footer, and the signature.
TRAILER_BYTES = 8

# Type codes of the compact protocol.
_FALSE_TRUE, _BYTE, _DOUBLE, _BINARY = (1, 2), 3, 7, 8
_INTEGERS, _LISTS, _MAP, _STRUCT = (4, 5, 6), (9, 10), 11, 12
_MAX_DEPTH = 32

# The names that parquet.thrift gives to the numbers of types. Without `# fmt`, each name would be on a line of its own.
# fmt: off
_PHYSICAL_TYPES = (
    "BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY",
)
_CONVERTED_TYPES = (
    "UTF8", "MAP", "MAP_KEY_VALUE", "LIST", "ENUM", "DECIMAL", "DATE", "TIME_MILLIS", "TIME_MICROS",
    "TIMESTAMP_MILLIS", "TIMESTAMP_MICROS", "UINT_8", "UINT_16", "UINT_32", "UINT_64", "INT_8", "INT_16",
    "INT_32", "INT_64", "JSON", "BSON", "INTERVAL",
)
# fmt: on
# The numbers of the fields of `FileMetaData`.
_SCHEMA_FIELD, _ROWS_FIELD = 2, 3
# The numbers of the fields of a schema element. All except the name are integers.
_TYPE, _NAME, _CHILDREN, _CONVERTED_TYPE, _SCALE, _PRECISION = 1, 4, 5, 6, 7, 8


class Footer(NamedTuple):
    """The parsed values of a footer.

    Attributes:
        rows: the number of rows in the file.
        columns: the names of the top-level columns, in order.
        types: the stored types of these columns, such as `INT64` or `BYTE_ARRAY UTF8`. The type of a nested column has the types
            of all values in it, such as `GROUP<INT64, DOUBLE>`.
    """

    rows: int
    columns: tuple[str, ...]
    types: tuple[str, ...]


def footer_length(tail: bytes, size: int) -> int:
    """Return the number of bytes from the start of the footer to the end of the file.

    Args:
        tail: the last bytes of the file, at least eight.
        size: the size of the file in bytes.

    Raises:
        Unreadable: the file does not end as a Parquet file.
    """
    if size < len(SIGNATURE) + TRAILER_BYTES:
        raise Unreadable("it is empty" if not size else f"its {size:,} bytes are not a Parquet file")
    if tail[-4:] == ENCRYPTED_SIGNATURE:
        raise Unreadable("its footer is encrypted")
    if tail[-4:] != SIGNATURE:
        raise Unreadable("it does not end as a Parquet file: it was cut off, or is still being written")
    length = int.from_bytes(tail[-TRAILER_BYTES:-4], "little") + TRAILER_BYTES
    if length > size - len(SIGNATURE):
        raise Unreadable("its footer is longer than the file")
    return length


def parse_footer(tail: bytes, size: int) -> Footer:
    """Parse the footer at the end of `tail`.

    Args:
        tail: the last bytes of the file, from the start of the footer or earlier.
        size: the size of the file in bytes.

    Raises:
        Unreadable: the bytes are not a valid footer.
    """
    length = footer_length(tail, size)
    try:
        return _file_metadata(_Reader(tail[-length:-TRAILER_BYTES]))
    except (IndexError, ValueError, OverflowError) as error:
        raise Unreadable(f"its footer cannot be read ({error})") from None


class _Reader:
    """A reader of values in Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def byte(self) -> int:
        value = self.data[self.position]
        self.position += 1
        return value

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                message = "an integer of more than 64 bits"
                raise ValueError(message)

    def integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def binary(self) -> bytes:
        length = self.varint()
        self.advance(length)
        return self.data[self.position - length : self.position]

    def advance(self, length: int) -> None:
        """Move the position by `length` bytes. The check ends the loops over the elements of a list whose length is damaged."""
        self.position += length
        if self.position > len(self.data):
            message = "a value extends beyond the end of the footer"
            raise ValueError(message)

    def field(self, last: int) -> tuple[int, int]:
        """Read the number and the type of the field after field `last`. The type is 0 at the end of the structure."""
        header = self.byte()
        kind = header & 0x0F
        if not kind:
            return last, 0
        # The upper four bits are the distance from `last`. If they are 0, the number of the field follows in full.
        distance = header >> 4
        return (last + distance if distance else self.integer()), kind

    def list_header(self) -> tuple[int, int]:
        """Read the length of a list and the type of its elements."""
        header = self.byte()
        # The upper four bits are the length. If all of them are set, the length follows in full.
        length = header >> 4
        return (self.varint() if length == 0x0F else length), header & 0x0F

    def skip(self, kind: int, depth: int = 0, *, element: bool = False) -> None:
        """Move the position behind a value of the type `kind`. `element` is set for an element of a list or a map.

        A boolean element has one byte. A boolean field has no byte, because its type contains the value.
        """
        if depth > _MAX_DEPTH:
            message = "nested too deep"
            raise ValueError(message)
        if kind in _FALSE_TRUE:
            self.advance(1 if element else 0)
        elif kind == _BYTE:
            self.advance(1)
        elif kind == _DOUBLE:
            self.advance(8)
        elif kind in _INTEGERS:
            self.varint()
        elif kind == _BINARY:
            self.binary()
        else:
            self._skip_nested(kind, depth)

    def _skip_nested(self, kind: int, depth: int) -> None:
        if kind in _LISTS:
            length, element_kind = self.list_header()
            for _ in range(length):
                self.skip(element_kind, depth + 1, element=True)
        elif kind == _MAP:
            length = self.varint()
            # One byte contains the type of the keys and the type of the values.
            kinds = self.byte() if length else 0
            for _ in range(length):
                self.skip(kinds >> 4, depth + 1, element=True)
                self.skip(kinds & 0x0F, depth + 1, element=True)
        elif kind == _STRUCT:
            number, field_kind = self.field(0)
            while field_kind:
                self.skip(field_kind, depth + 1)
                number, field_kind = self.field(number)
        else:
            message = f"a value of the unknown type {kind}"
            raise ValueError(message)


def _file_metadata(reader: _Reader) -> Footer:
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    number, kind = reader.field(0)
    while kind:
        if number == _SCHEMA_FIELD and kind in _LISTS:
            length, _ = reader.list_header()
            columns, types = _top_level([_schema_element(reader) for _ in range(length)])
        elif number == _ROWS_FIELD and kind in _INTEGERS:
            rows = reader.integer()
            if rows < 0:
                break
            return Footer(rows, columns, types)
        else:
            reader.skip(kind)
        number, kind = reader.field(number)
    message = "the number of rows is missing"
    raise ValueError(message)


class _SchemaElement(NamedTuple):
    name: str
    type: str
    children: int


def _schema_element(reader: _Reader) -> _SchemaElement:
    name = ""
    numbers: dict[int, int] = {}
    number, kind = reader.field(0)
    while kind:
        if number == _NAME and kind == _BINARY:
            name = reader.binary().decode("utf-8", "replace")
        elif kind in _INTEGERS:
            numbers[number] = reader.integer()
        else:
            reader.skip(kind)
        number, kind = reader.field(number)
    return _SchemaElement(name, _type_text(numbers), numbers.get(_CHILDREN, 0))


def _type_text(numbers: Mapping[int, int]) -> str:
    """Return the text for the stored type of a schema element; empty for a group."""
    if _TYPE not in numbers:
        return ""
    words = [_name_at(_PHYSICAL_TYPES, numbers[_TYPE])]
    if _CONVERTED_TYPE in numbers:
        words.append(_name_at(_CONVERTED_TYPES, numbers[_CONVERTED_TYPE]))
    if _PRECISION in numbers:
        words.append(f"({numbers[_PRECISION]}, {numbers.get(_SCALE, 0)})")
    return " ".join(words)


def _name_at(names: Sequence[str], number: int) -> str:
    return names[number] if 0 <= number < len(names) else f"type {number}"


def _top_level(elements: Sequence[_SchemaElement]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names and the types of the top-level columns. The elements are the tree of the schema in depth-first order."""
    names: list[str] = []
    leaf_types: list[list[str]] = []
    is_nested: list[bool] = []
    descendants_left = 0
    # The first element is the root.
    for element in elements[1:]:
        if descendants_left:
            descendants_left -= 1
        else:
            names.append(element.name)
            leaf_types.append([])
            is_nested.append(element.children > 0)
        if element.type:
            leaf_types[-1].append(element.type)
        descendants_left += max(0, element.children)
    texts = [
        f"GROUP<{', '.join(leaves)}>" if nested else ", ".join(leaves)
        for leaves, nested in zip(leaf_types, is_nested, strict=True)
    ]
    return tuple(names), tuple(texts)
