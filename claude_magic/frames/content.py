"""A hash over Arrow data that depends on the values and on nothing else.

Two arrays with equal values can differ in memory: an offset, rubbish under a missing value, spare bits at the end.
So what is hashed is the length, the places of the missing values, and the values that are there, type by type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlib import blake2b


def feed(digest: blake2b, array: Any) -> None:
    """Feed one pyarrow array (or chunked array) to `digest`: types are the caller's to feed."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    digest.update(f"{len(array)},{array.null_count};".encode())
    if array.null_count:
        digest.update(_bits(array.is_valid()))
    if isinstance(array, pa.DictionaryArray):
        feed(digest, array.indices)
        feed(digest, array.dictionary)
        return
    _values(digest, array.drop_null() if array.null_count else array)


def _values(digest: blake2b, array: Any) -> None:
    """Feed an array that has no missing values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, is_ = array.type, pa.types
    if is_.is_boolean(kind):
        digest.update(_bits(array))
    elif is_.is_struct(kind):
        for child in array.flatten():
            feed(digest, child)
    elif is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        feed(digest, pc.list_value_length(array))
        feed(digest, array.flatten())
    elif is_.is_string(kind) or is_.is_large_string(kind) or is_.is_binary(kind) or is_.is_large_binary(kind):
        _texts(digest, array)
    elif _width(kind):
        start = array.offset * _width(kind)
        data = array.buffers()[1]
        if data is not None:
            digest.update(data.slice(start, len(array) * _width(kind)))
    elif not is_.is_null(kind):
        digest.update(repr(array.to_pylist()).encode("utf-8", "backslashreplace"))


def _width(kind: Any) -> int:
    """Bytes of one value of a fixed-width type, 0 for other types."""
    try:
        return int(kind.bit_width) // 8
    except ValueError:
        return 0


def _texts(digest: blake2b, array: Any) -> None:
    import numpy as np
    import pyarrow.compute as pc

    lengths = pc.binary_length(array).to_numpy(zero_copy_only=False)
    digest.update(np.ascontiguousarray(lengths).data)
    wide = 8 if str(array.type).startswith("large") else 4
    offsets, data = array.buffers()[1], array.buffers()[2]
    if data is not None and len(array):
        first = np.frombuffer(offsets, dtype=f"i{wide}", count=1, offset=array.offset * wide)[0]
        digest.update(data.slice(int(first), int(lengths.sum(dtype="i8"))))


def _bits(array: Any) -> bytes:
    import numpy as np

    return np.packbits(array.to_numpy(zero_copy_only=False)).tobytes()
