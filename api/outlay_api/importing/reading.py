"""Rows of a file, a batch at a time and in bounded memory.

CSV and TSV (RFC 4180, any quoting the csv module reads) and JSONL may be gzipped; Parquet is read by row group, members
of its structs as columns `struct.member`.
Rows are numbered from 1; every row of a file has the same number whenever and however it is read.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import polars as pl

from outlay_api.importing.errors import FileError

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

    import pyarrow as pa
    import pyarrow.parquet as pq

MAX_CELL = 16 * 1024 * 1024
"""Characters in one CSV cell; more means that a quote was never closed."""


class Format(StrEnum):
    """What a file holds."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_SUFFIXES = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}


def format_of(path: Path) -> Format:
    """Return the format a file's name promises; raise `FileError` for any other name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else suffixes[-1] if suffixes else ""
    try:
        return _SUFFIXES[last]
    except KeyError:
        raise FileError(f"{path.name} is none of {', '.join(_SUFFIXES)} (or .gz of a text format); rename it") from None


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that cannot be read."""

    row: int
    line: int | None
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Consecutive rows as columns (text in CSV, typed in Parquet), or as `lines` (JSONL)."""

    frame: pl.DataFrame = field(default_factory=pl.DataFrame)
    lines: list[str] = field(default_factory=list)
    numbers: list[int]
    """Row number of each row."""
    places: list[int] | None = None
    """Line each row ends on, for text formats."""
    malformed: list[Malformed] = field(default_factory=list)
    last: int
    """Number of the last row read, malformed and blank ones included."""
    done: float
    """Part of the file that has been read, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to read `size` rows at a time."""

    path: Path
    size: int
    delimiter: str | None = None
    encoding: str = "utf-8-sig"

    @property
    def format(self) -> Format:
        """What the file holds."""
        return format_of(self.path)

    def columns(self) -> list[str]:
        """Return the names of the columns; none for JSONL, whose rows name their own."""
        match self.format:
            case Format.CSV:
                with self._text() as (text, _):
                    return next(self._csv(text), [])
            case Format.PARQUET:
                with self._parquet() as file:
                    return [str(name) for name in _flat(file.schema_arrow.empty_table()).column_names]
            case Format.JSONL:
                return []

    def __iter__(self) -> Iterator[Rows]:
        match self.format:
            case Format.CSV:
                return self._read_csv()
            case Format.PARQUET:
                return self._read_parquet()
            case Format.JSONL:
                return self._read_jsonl()

    def _read_csv(self) -> Iterator[Rows]:
        with self._text() as (text, done):
            reader = self._csv(text)
            header = next(reader, [])
            if len(set(header)) < len(header):
                twice = next(name for name in header if header.count(name) > 1)
                raise FileError(f"{self.path.name} has two columns named {twice!r}; rename one")
            first = 1
            try:
                while chunk := [(row, reader.line_num) for row in islice(reader, self.size)]:
                    yield self._csv_rows(header, chunk, first, done())
                    first += len(chunk)
            except csv.Error as error:
                raise FileError(f"{self.path.name}, line {reader.line_num}: {error}") from None

    def _csv_rows(self, header: list[str], chunk: list[tuple[list[str], int]], first: int, done: float) -> Rows:
        width = len(header)
        good = [(number, row, line) for number, (row, line) in enumerate(chunk, first) if len(row) == width]
        malformed = [
            Malformed(number, line, f"{len(row)} cells in a table of {width} columns", ",".join(row))
            for number, (row, line) in enumerate(chunk, first)
            if len(row) != width and row
        ]
        columns = list(zip(*(row for _, row, _ in good), strict=True)) or [()] * width
        frame = pl.DataFrame(
            [pl.Series(name, cells, dtype=pl.String) for name, cells in zip(header, columns, strict=True)]
        )
        return Rows(
            frame=frame,
            numbers=[number for number, _, _ in good],
            places=[line for _, _, line in good],
            malformed=malformed,
            last=first + len(chunk) - 1,
            done=done,
        )

    def _read_jsonl(self) -> Iterator[Rows]:
        with self._text() as (text, done):
            first = 1
            while lines := list(islice(text, self.size)):
                kept = [(number, line.strip()) for number, line in enumerate(lines, first) if not line.isspace()]
                numbers = [number for number, _ in kept]
                first += len(lines)
                yield Rows(
                    lines=[line for _, line in kept], numbers=numbers, places=numbers, last=first - 1, done=done()
                )

    def _read_parquet(self) -> Iterator[Rows]:
        with self._parquet() as file:
            total = max(1, file.metadata.num_rows)
            first = 1
            for batch in file.iter_batches(batch_size=self.size):
                frame = pl.DataFrame(_flat(batch))
                numbers = list(range(first, first + len(frame)))
                first += len(frame)
                yield Rows(frame=frame, numbers=numbers, last=first - 1, done=(first - 1) / total)

    def _csv(self, text: IO[str]) -> CsvReader:
        tab = ".tsv" in {suffix.lower() for suffix in self.path.suffixes}
        csv.field_size_limit(MAX_CELL)
        return csv.reader(text, delimiter=self.delimiter or ("\t" if tab else ","), strict=True)

    @contextmanager
    def _text(self) -> Iterator[tuple[IO[str], Callable[[], float]]]:
        """Open a text format: the text, and how much of the file has been read."""
        with self._open() as raw:
            size = max(1, self.path.stat().st_size)
            unpacked = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if self.path.suffix.lower() == ".gz" else raw
            try:
                yield io.TextIOWrapper(unpacked, encoding=self.encoding, newline=""), lambda: raw.tell() / size
            except UnicodeDecodeError as error:
                place = f"near byte {raw.tell():,}"
                raise FileError(
                    f"{self.path.name} is not {self.encoding} ({error.reason} {place}); name its --encoding"
                ) from None
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise FileError(f"{self.path.name} is not a whole gzip file: {error}") from None

    @contextmanager
    def _parquet(self) -> Iterator[pq.ParquetFile]:
        from pyarrow import ArrowException  # noqa: PLC0415 - text formats do without pyarrow
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415

        with self._open() as raw:
            try:
                yield ParquetFile(raw)
            except ArrowException as error:
                raise FileError(f"{self.path.name} is not readable as Parquet: {error}") from None

    def _open(self) -> IO[bytes]:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise FileError(f"{self.path} cannot be read: {error.strerror}") from None


def _flat(columns: pa.RecordBatch | pa.Table) -> pa.Table:
    """Return the columns with every struct replaced by its members, `struct.member`."""
    from pyarrow import Table, types  # noqa: PLC0415

    table = Table.from_batches([columns]) if not isinstance(columns, Table) else columns
    while any(types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table
