"""Tables of complaints: CSV, JSON lines, Excel and Parquet, row by row in bounded memory."""

import codecs
import csv
import gzip
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from triage.errors import TableError

if TYPE_CHECKING:
    import pyarrow
    from openpyxl.worksheet.worksheet import Worksheet

FORMATS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".xlsx", ".parquet")
STANDARD_STREAM = Path("-")
SNIFF_BYTES = 1 << 20
MAX_FIELD_CHARS = 10_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its values by column, and what was wrong with it (None when nothing was)."""

    values: dict[str, Any]
    error: str | None = None


class RowWriter(Protocol):
    """Writes rows of a known set of columns."""

    def write(self, values: Mapping[str, Any]) -> None:
        """Write one row."""


def read_rows(path: Path) -> Iterator[Row]:
    r"""Read a table row by row.

    Parameters
    ----------
    path : Path
        Its ending says the format; ``-`` reads CSV, or JSON lines where the first character is
        ``{``, from standard input. CSV may be UTF-8, with or without a mark, or GB18030.

    Yields
    ------
    Row
        A row with too many or too few fields, or a line that is no JSON object, comes with an
        `error` and whatever could be read.

    Raises
    ------
    TableError
        If the file is missing, empty, of an unknown format, or an Excel file with two filled
        sheets.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "two.csv"
    >>> _ = path.write_text("text,shop\n快递没到,一店\n退款呢\n", encoding="gb18030")
    >>> [(row.values["text"], row.error) for row in read_rows(path)]
    [('快递没到', None), ('退款呢', '1 fields for 2 columns')]
    """
    ending = format_of(path)
    if path != STANDARD_STREAM and not path.is_file():
        raise TableError(f"no file {path}: check the name")
    try:
        if ending == ".xlsx":
            yield from _read_excel(path)
        elif ending == ".parquet":
            yield from _read_parquet(path)
        else:
            yield from _read_text(path, ending)
    except (OSError, EOFError, UnicodeError) as error:
        raise TableError(f"{path} cannot be read: {_plain(error)}") from error


def format_of(path: Path) -> str:
    """Give the format of a file by its ending; ``-`` has none.

    Raises
    ------
    TableError
        If the ending is unknown.
    """
    if path == STANDARD_STREAM:
        return ""
    name = path.name.lower()
    for ending in sorted(FORMATS, key=len, reverse=True):
        if name.endswith(ending):
            return ending
    raise TableError(f"{path.name}: unknown format: expected one of {', '.join(FORMATS)}, or -")


def _read_text(path: Path, ending: str) -> Iterator[Row]:
    with _open_bytes(path, ending) as raw:
        buffered = io.BufferedReader(cast(io.RawIOBase, raw), SNIFF_BYTES)
        head = buffered.peek(SNIFF_BYTES)[:SNIFF_BYTES]
        stream = io.TextIOWrapper(
            buffered, encoding=detect_encoding(head), errors="replace", newline=""
        )
        is_json = ending.startswith(".jsonl") or (not ending and head.lstrip()[:1] == b"{")
        yield from (_read_json_lines if is_json else _read_csv)(stream, path)


@contextmanager
def _open_bytes(path: Path, ending: str) -> Iterator[IO[bytes]]:
    if path == STANDARD_STREAM:
        yield sys.stdin.buffer
    elif ending.endswith(".gz"):
        with gzip.open(path, "rb") as file:
            yield cast(IO[bytes], file)
    else:
        with path.open("rb", buffering=0) as file:
            yield cast(IO[bytes], file)


def detect_encoding(head: bytes) -> str:
    """Tell UTF-8 from GB18030 by the first bytes of a file.

    Examples
    --------
    >>> detect_encoding("投诉".encode("gb18030")), detect_encoding("投诉".encode())
    ('gb18030', 'utf-8-sig')
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            decoder.decode(head)
        except UnicodeDecodeError:
            continue
        return "utf-8-sig" if encoding == "utf-8" else encoding
    return "utf-8-sig"


def _read_csv(stream: IO[str], path: Path) -> Iterator[Row]:
    csv.field_size_limit(MAX_FIELD_CHARS)
    lines = (line.replace("\0", "\ufffd") for line in stream)
    reader = csv.reader(lines)
    columns = next(reader, None)
    if not columns or not any(column.strip() for column in columns):
        raise TableError(f"{path}: no header line: the first line must name the columns")
    columns = [column.strip() for column in columns]
    if len(set(columns)) < len(columns):
        twice = sorted({c for c in columns if columns.count(c) > 1})
        raise TableError(f"{path}: column {', '.join(twice)} stands twice; rename one of them")
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(dict.fromkeys(columns, ""), f"unreadable row: {error}")
            continue
        if fields:
            yield _row(columns, fields)


def _row(columns: Sequence[str], fields: list[str]) -> Row:
    error = None
    if len(fields) != len(columns):
        error = f"{len(fields)} fields for {len(columns)} columns"
    padded = fields[: len(columns)] + [""] * (len(columns) - len(fields))
    return Row(dict(zip(columns, padded, strict=True)), error)


def _read_json_lines(stream: IO[str], path: Path) -> Iterator[Row]:
    for line in stream:
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            values = None
        if isinstance(values, dict):
            yield Row(values)
        else:
            yield Row({}, "not a JSON object")


def _read_excel(path: Path) -> Iterator[Row]:
    from zipfile import BadZipFile

    import openpyxl  # costs 0.3 s, and few files are Excel

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError) as error:
        raise TableError(f"{path}: not an Excel file; save it as .xlsx or .csv") from error
    filled = [sheet for sheet in book.worksheets if _is_filled(sheet)]
    if len(filled) != 1:
        names = ", ".join(sheet.title for sheet in filled) or "none"
        raise TableError(f"{path}: filled sheets: {names}; keep exactly one, with the complaints")
    rows = filled[0].iter_rows(values_only=True)
    columns = [str(name).strip() if name is not None else "" for name in next(rows)]
    while columns and not columns[-1]:
        columns.pop()
    for values in rows:
        if any(value is not None for value in values):
            cells = ["" if v is None else v for v in values[: len(columns)]]
            yield Row(dict(zip(columns, cells + [""] * (len(columns) - len(cells)), strict=True)))
    book.close()


def _is_filled(sheet: "Worksheet") -> bool:
    return any(v is not None for row in sheet.iter_rows(max_row=2, values_only=True) for v in row)


def _read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow  # costs 0.2 s, and few files are Parquet
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                for values in batch.to_pylist():
                    yield Row(values)
    except pyarrow.ArrowInvalid as error:
        raise TableError(f"{path}: not a Parquet file") from error


@contextmanager
def open_writer(path: Path, columns: Sequence[str]) -> Iterator[RowWriter]:
    """Open a table for writing; it takes its name only when everything was written.

    Raises
    ------
    TableError
        If the file exists, its folder does not, or it cannot be written.
    """
    ending = format_of(path)
    if path == STANDARD_STREAM:
        yield _CsvWriter(sys.stdout, columns)
        sys.stdout.flush()
        return
    if path.exists():
        raise TableError(f"{path} exists already: name another file or remove it")
    if not path.parent.is_dir():
        raise TableError(f"no folder {path.parent}: make it first")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise TableError(f"{path} cannot be written: {_plain(error)}") from error
    draft = Path(name)
    try:
        with _open_format(draft, ending, columns) as writer:
            yield writer
        draft.chmod(0o644)
        draft.replace(path)
    except OSError as error:
        raise TableError(f"{path} cannot be written: {_plain(error)}") from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _open_format(path: Path, ending: str, columns: Sequence[str]) -> Iterator[RowWriter]:
    if ending == ".xlsx":
        yield from _open_excel(path, columns)
    elif ending == ".parquet":
        yield from _open_parquet(path, columns)
    else:
        opener: Any = gzip.open if ending.endswith(".gz") else open
        with opener(path, "wt", encoding="utf-8", newline="") as file:
            if ending.startswith(".jsonl"):
                yield _JsonLinesWriter(file, columns)
            else:
                yield _CsvWriter(file, columns)


class _CsvWriter:
    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        self._writer.writeheader()

    def write(self, values: Mapping[str, Any]) -> None:
        self._writer.writerow({k: _encodable(v) for k, v in values.items()})


class _JsonLinesWriter:
    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._file, self._columns = file, columns

    def write(self, values: Mapping[str, Any]) -> None:
        row = {column: _encodable(values.get(column)) for column in self._columns}
        self._file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _open_excel(path: Path, columns: Sequence[str]) -> Iterator[RowWriter]:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("triage")
    sheet.append(list(columns))

    class _ExcelWriter:
        def write(self, values: Mapping[str, Any]) -> None:
            sheet.append([_cell(values.get(column)) for column in columns])

    yield _ExcelWriter()
    book.save(path)


def _cell(value: object) -> object:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, str):
        return ILLEGAL_CHARACTERS_RE.sub("\ufffd", str(_encodable(value)))[:32_767]
    return value if isinstance(value, int | float | bool) or value is None else str(value)


class _ParquetWriter:
    """Writes blocks of rows; the first block decides whether a column holds numbers or text."""

    BLOCK_ROWS = 1000

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path, self._columns = path, columns
        self._rows: list[Mapping[str, Any]] = []
        self._file: Any = None

    def write(self, values: Mapping[str, Any]) -> None:
        self._rows.append(values)
        if len(self._rows) >= self.BLOCK_ROWS:
            self.flush()

    def flush(self) -> None:
        import pyarrow
        import pyarrow.parquet as parquet

        if self._file is None:
            fields = [pyarrow.field(c, self._type(c)) for c in self._columns]
            self._file = parquet.ParquetWriter(self._path, pyarrow.schema(fields))
        schema = self._file.schema
        block = {
            field.name: [_as_type(row.get(field.name), str(field.type)) for row in self._rows]
            for field in schema
        }
        self._file.write_table(pyarrow.table(block, schema=schema))
        self._rows.clear()

    def close(self) -> None:
        self.flush()
        self._file.close()

    def _type(self, column: str) -> "pyarrow.DataType":
        import pyarrow

        kinds = {type(row.get(column)) for row in self._rows} - {type(None)}
        if column.endswith("_confidence") or (kinds and kinds <= {int, float}):
            return pyarrow.float64() if kinds != {int} else pyarrow.int64()
        return pyarrow.string()


def _open_parquet(path: Path, columns: Sequence[str]) -> Iterator[RowWriter]:
    writer = _ParquetWriter(path, columns)
    yield writer
    writer.close()


def _as_type(value: object, kind: str) -> object:
    if value is None or value == "":
        return None
    if kind in ("double", "int64"):
        return value if isinstance(value, int | float) else None
    return str(_encodable(value))


def _encodable(value: object) -> object:
    """Replace lone surrogates, which no file can hold."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode("utf-8") if _has_surrogate(value) else value
    return value


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def _plain(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
