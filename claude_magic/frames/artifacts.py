"""Tables that Claude's code made, as pandas frames with their types restored.

Parquet carries its types. In text formats a column of ISO dates is text to pandas: it becomes datetimes when every
value in it parses, and stays as it is otherwise. A first column without a header is the index, as `to_csv` writes it.
Nothing else is guessed beyond what pandas itself does.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from claude_magic.errors import FileProblem, one_line
from claude_magic.frames.table import inert

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

KINDS = (".csv", ".tsv", ".parquet", ".xlsx", ".json", ".jsonl")
"""Endings of files that `load_artifact` reads."""

# Four-digit year, month, day; then perhaps a time, perhaps a zone: ISO 8601 as pandas writes it.
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?")


def load_artifact(
    source: bytes | str | os.PathLike[str], filename: str, *, limit_bytes: int | None = None
) -> pd.DataFrame:
    """Read a generated csv, tsv, parquet, xlsx, json or jsonl file, as a frame that shows itself as text only.

    Args:
        source: the file's bytes, or its path.
        filename: its name, whose ending says what it is.
        limit_bytes: refuse larger files; None reads any.

    Raises:
        FileProblem: no such kind, not readable as one, or too large.

    """
    name = one_line(PurePosixPath(filename).name)
    ending = PurePosixPath(filename).suffix.lower()
    if ending not in KINDS:
        raise FileProblem(f"`{name}` is not a table.", advice=f"Tables end in {', '.join(KINDS)}.")
    size = len(source) if isinstance(source, bytes) else _size(Path(source), name)
    if limit_bytes is not None and size > limit_bytes:
        raise FileProblem(
            f"`{name}` has {size} bytes, more than {limit_bytes}.", advice="Save it and read the part you need."
        )
    try:
        frame = _READERS[ending](io.BytesIO(source) if isinstance(source, bytes) else Path(source))
    except MemoryError:
        raise
    except Exception as error:  # whatever the reader of the format raises for bytes that are not its own
        raise FileProblem(
            f"`{name}` cannot be read as {ending[1:]}: {_reason(error, source, name)}.", advice="Save it and look."
        ) from error
    if ending != ".parquet":
        frame = dates_restored(frame)
    return inert(_index_restored(frame) if ending in {".csv", ".tsv", ".xlsx"} else frame)


def _reason(error: Exception, source: Any, name: str) -> str:
    """Return a reader's words on one line, without the place where the file lies."""
    said = str(error) if isinstance(source, bytes) else str(error).replace(os.fspath(source), name)
    return one_line(f"{type(error).__name__}: {said}").rstrip(". ")


def _index_restored(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with a first column that had no header (pandas calls it `Unnamed: 0`) as its index."""
    if frame.shape[1] < 2 or frame.columns[0] != "Unnamed: 0":  # noqa: PLR2004 - the index and one column
        return frame
    return frame.set_index("Unnamed: 0").rename_axis(index=None)


def _size(path: Path, name: str) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise FileProblem(f"`{name}` cannot be opened: {error.strerror}.", advice="Run the cell again.") from error


def dates_restored(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with every text column made datetimes in which each value is an ISO date."""
    import pandas as pd

    labels = frame.columns
    frame = frame.set_axis(range(frame.shape[1]), axis=1)  # by position, whatever the labels are
    for position in range(frame.shape[1]):
        column = frame[position]
        if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype)):
            continue
        present = column.dropna()
        if len(present) and all(isinstance(value, str) and _ISO.fullmatch(value) for value in present.array):
            parsed = _parsed(column)
            frame[position] = column if parsed is None else parsed
    return frame.set_axis(labels, axis=1)


def _parsed(column: Any) -> Any:
    """Return the datetimes; None when a date does not exist or only some values have a zone."""
    import pandas as pd

    zoned = column.dropna().map(lambda value: bool(re.search(r"(?:Z|[+-]\d\d:?\d\d)$", value[10:])))
    if zoned.any() and not zoned.all():
        return None
    try:
        return pd.to_datetime(column, format="ISO8601", utc=bool(zoned.all()))
    except ValueError:
        return None


def _csv(source: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(source)


def _tsv(source: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(source, sep="\t")


def _parquet(source: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(source)


def _xlsx(source: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.read_excel(source, engine="openpyxl")


def _json(source: Any) -> pd.DataFrame:
    """Read a list of records, a dict of columns, `orient="split"` or `orient="table"`; dates are not guessed."""
    import json

    import pandas as pd

    data = json.loads(source.read() if hasattr(source, "read") else source.read_bytes())
    if isinstance(data, dict) and {"schema", "data"} <= data.keys():
        return pd.read_json(io.StringIO(json.dumps(data)), orient="table")
    if isinstance(data, dict) and {"columns", "data"} <= data.keys():
        return pd.DataFrame(data["data"], columns=data["columns"], index=data.get("index"))
    if isinstance(data, dict) and not any(isinstance(value, list | dict) for value in data.values()):
        return pd.DataFrame([data])
    if not isinstance(data, list | dict):
        raise TypeError("a single value, not a table")
    frame = pd.DataFrame(data)
    numbered = isinstance(data, dict) and list(frame.index) == [str(n) for n in range(len(frame))]
    return frame.reset_index(drop=True) if numbered else frame


def _jsonl(source: Any) -> pd.DataFrame:
    import json

    import pandas as pd

    text = (source.read() if hasattr(source, "read") else source.read_bytes()).decode("utf-8-sig")
    return pd.DataFrame([json.loads(line) for line in text.splitlines() if line.strip()])


_READERS: dict[str, Callable[[Any], pd.DataFrame]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".parquet": _parquet,
    ".xlsx": _xlsx,
    ".json": _json,
    ".jsonl": _jsonl,
}
