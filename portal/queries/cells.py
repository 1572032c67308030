"""Cells of a result as JSON has them (api.md, Cells): arrow arrays to lists of plain values, a whole array at a time.

boolean, integers within ±2^53 and finite floats are JSON's own; larger integers, decimals, NaN and infinities are text;
dates and times are ISO text, timestamps with milliseconds; bytes are base64; rows and maps are objects; NULL is None.
"""

import base64
import json
import math
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

EXACT = 2**53  # the integers that JSON's numbers keep exactly in every client (RFC 8259, section 6)

Cell = Any
Cells = list[Cell]


def cells(array: pa.Array) -> Cells:
    """One value a row."""
    kind = array.type
    for matches, convert in CONVERSIONS:
        if matches(kind):
            return convert(array)
    return _texts(array)


def _plain(array: pa.Array) -> Cells:
    return list(array.to_pylist())


def _integers(array: pa.Array) -> Cells:
    return [v if v is None or -EXACT <= v <= EXACT else str(v) for v in array.to_pylist()]


def _floats(array: pa.Array) -> Cells:
    """A real's shortest digits, not those of the double next to it: 0.1, not 0.10000000149011612."""
    short = not pa.types.is_float64(array.type)
    return [v if v is None else _float(v, short) for v in array.to_pylist()]


def _float(value: float, short: bool) -> float | str:
    if math.isfinite(value):
        return float(str(np.float32(value))) if short else value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decimals(array: pa.Array) -> Cells:
    return [v if v is None else format(v, "f") for v in array.to_pylist()]


def _bytes(array: pa.Array) -> Cells:
    return [v if v is None else base64.b64encode(v).decode() for v in array.to_pylist()]


def _dates(array: pa.Array) -> Cells:
    return _moments(array.cast(pa.date32()).cast(pa.int32()), "D", "")


def _timestamps(array: pa.Array) -> Cells:
    """By numpy, since datetime ends with the year 9999. Digits under a millisecond are cut, as Athena keeps none."""
    return _moments(array.cast(pa.int64()), array.type.unit, " UTC" if array.type.tz else "")


def _moments(counts: pa.Array, unit: str, suffix: str) -> Cells:
    moments = counts.fill_null(0).to_numpy(zero_copy_only=False).astype(f"datetime64[{unit}]")
    shown = moments if unit == "D" else moments.astype("datetime64[ms]")
    texts = np.datetime_as_string(shown).tolist()
    return [t.replace("T", " ") + suffix if valid else None for t, valid in zip(texts, _valid(counts), strict=True)]


def _times(array: pa.Array) -> Cells:
    moments = array.cast(pa.time64("us") if array.type.bit_width == 64 else pa.time32("ms"))
    return [v if v is None else v.isoformat(timespec="milliseconds") for v in moments.to_pylist()]


def _lists(array: pa.Array) -> Cells:
    if not pa.types.is_large_list(array.type):
        array = array.cast(pa.large_list(array.type.value_type))
    inner, bounds = _inner(array, array.values)
    return [inner[a:b] if ok else None for a, b, ok in zip(bounds, bounds[1:], _valid(array), strict=False)]


def _maps(array: pa.Array) -> Cells:
    keys, bounds = _inner(array, array.keys)
    items, _ = _inner(array, array.items)
    names = [key if isinstance(key, str) else json.dumps(key) for key in keys]
    return [
        dict(zip(names[a:b], items[a:b], strict=True)) if ok else None
        for a, b, ok in zip(bounds, bounds[1:], _valid(array), strict=False)
    ]


def _inner(array: pa.Array, values: pa.Array) -> tuple[Cells, Sequence[int]]:
    """The values within, of these rows alone, and where each row's begin and end among them."""
    offsets = array.offsets.to_pylist()
    start, end = offsets[0], offsets[-1]
    return cells(values.slice(start, end - start)), [offset - start for offset in offsets]


def _rows(array: pa.Array) -> Cells:
    """A field without a name is `field0`, as Athena calls it."""
    names = [array.type.field(i).name or f"field{i}" for i in range(array.type.num_fields)]
    columns = [cells(column) for column in array.flatten()]
    values = zip(*columns, strict=True) if columns else iter([()] * len(array))
    return [dict(zip(names, row, strict=True)) if ok else None for row, ok in zip(values, _valid(array), strict=True)]


def _extensions(array: pa.Array) -> Cells:
    storage = array.storage
    if storage.type == pa.binary(16):
        return [v if v is None else str(uuid.UUID(bytes=v)) for v in storage.to_pylist()]
    return cells(storage)


def _dictionary(array: pa.Array) -> Cells:
    return cells(array.dictionary_decode())


def _texts(array: pa.Array) -> Cells:
    return [v if v is None else str(v) for v in array.to_pylist()]


def _valid(array: pa.Array) -> list[bool]:
    return list(array.is_valid().to_pylist())


_t = pa.types
CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], Cells]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _extensions),
    (lambda kind: _t.is_boolean(kind) or _t.is_null(kind), _plain),
    (lambda kind: _t.is_string(kind) or _t.is_large_string(kind) or _t.is_string_view(kind), _plain),
    (_t.is_integer, _integers),
    (_t.is_floating, _floats),
    (_t.is_decimal, _decimals),
    (_t.is_date, _dates),
    (_t.is_timestamp, _timestamps),
    (_t.is_time, _times),
    (_t.is_map, _maps),
    (_t.is_struct, _rows),
    (lambda kind: _t.is_list(kind) or _t.is_large_list(kind) or _t.is_fixed_size_list(kind), _lists),
    (lambda kind: _t.is_binary(kind) or _t.is_large_binary(kind) or _t.is_fixed_size_binary(kind), _bytes),
    (_t.is_dictionary, _dictionary),
)
