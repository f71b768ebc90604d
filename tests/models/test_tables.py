"""No row is lost on the way in or out, whatever the file looks like."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest

from models.tables import FORMATS, Row, open_writer, read_rows
from triage.errors import TableError

ROWS = [{"text": "快递三天没到", "shop": "一店"}, {"text": "退款,还没到\n账", "shop": "二店"}]
CSV = 'text,shop\n快递三天没到,一店\n"退款,还没到\n账",二店\n'


def write_excel(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["text", "shop"])
    for row in ROWS:
        book.active.append(list(row.values()))
    book.save(path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.csv": lambda p: p.write_text(CSV, encoding="utf-8"),
    "bom.csv": lambda p: p.write_text(CSV, encoding="utf-8-sig"),
    "gb.csv": lambda p: p.write_text(CSV, encoding="gb18030"),
    "utf16.csv": lambda p: p.write_text(CSV, encoding="utf-16"),
    "a.csv.gz": lambda p: p.write_bytes(gzip.compress(CSV.encode())),
    "a.jsonl": lambda p: p.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8"),
    "a.jsonl.gz": lambda p: p.write_bytes(gzip.compress("\n".join(map(json.dumps, ROWS)).encode())),
    "a.xlsx": write_excel,
    "a.parquet": lambda p: pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), p),
}


@pytest.mark.parametrize("name", WRITERS)
def test_reads(tmp_path: Path, name: str):
    WRITERS[name](tmp_path / name)
    assert [row.values for row in read_rows(tmp_path / name)] == ROWS


@pytest.mark.parametrize("ending", FORMATS)
def test_what_was_written_is_read_again(tmp_path: Path, ending: str):
    path = tmp_path / f"out{ending}"
    with open_writer(path, ["text", "shop"]) as writer:
        for row in ROWS:
            writer.write(row)
    assert [row.values for row in read_rows(path)] == ROWS


def test_many_rows_of_parquet_keep_their_numbers(tmp_path: Path):
    path = tmp_path / "out.parquet"
    with open_writer(path, ["text", "category_confidence", "n"]) as writer:
        for n in range(2500):
            writer.write({"text": None if n < 1200 else "退款", "category_confidence": 0.5, "n": n})
    rows = [row.values for row in read_rows(path)]
    assert [row["n"] for row in rows] == list(range(2500))
    assert rows[2000] == {"text": "退款", "category_confidence": 0.5, "n": 2000}


def test_ragged_rows_say_so(tmp_path: Path):
    path = tmp_path / "ragged.csv"
    path.write_text("a,b\n1,2\n1\n1,2,3\n", encoding="utf-8")
    assert list(read_rows(path)) == [
        Row({"a": "1", "b": "2"}),
        Row({"a": "1", "b": ""}, "1 fields for 2 columns"),
        Row({"a": "1", "b": "2"}, "3 fields for 2 columns"),
    ]


def test_broken_utf8_and_nul_are_replaced(tmp_path: Path):
    path = tmp_path / "broken.csv"
    path.write_bytes("text\n退款".encode() + b"\xff\xfe\x00\n" + "好".encode() + b"\n")
    rows = [row.values["text"] for row in read_rows(path)]
    assert len(rows) == 2


def test_a_bad_json_line_keeps_its_place(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "一"}\n{"text": \n[1]\n{"text": "二"}\n', encoding="utf-8")
    assert [row.error for row in read_rows(path)] == [
        None, "not a JSON object", "not a JSON object", None,
    ]  # fmt: skip


def test_two_filled_sheets_are_refused(tmp_path: Path):
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.create_sheet("其他").append(["text"])
    book.save(tmp_path / "two.xlsx")
    with pytest.raises(TableError, match="keep exactly one"):
        list(read_rows(tmp_path / "two.xlsx"))


def test_an_empty_second_sheet_does_not_matter(tmp_path: Path):
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.active.append(["退款"])
    book.create_sheet("空")
    book.save(tmp_path / "one.xlsx")
    assert [row.values for row in read_rows(tmp_path / "one.xlsx")] == [{"text": "退款"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "check the name"),
        ("a.docx", b"x", "unknown format"),
        ("empty.csv", b"", "no header line"),
        ("twice.csv", b"a,a\n1,2\n", "stands twice"),
        ("a.xlsx", b"no zip", "not an Excel file"),
        ("a.parquet", b"no parquet", "not a Parquet file"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("cut.csv.gz", gzip.compress(CSV.encode() * 999)[:-20], "cannot be read"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, name: str, content: bytes | None, message: str):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message):
        list(read_rows(tmp_path / name))


def test_an_existing_file_is_not_overwritten(tmp_path: Path):
    path = tmp_path / "out.csv"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(TableError, match="exists already"), open_writer(path, ["a"]):
        pass
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_missing_folder_is_named(tmp_path: Path):
    with (
        pytest.raises(TableError, match="make it first"),
        open_writer(tmp_path / "no" / "a.csv", ["a"]),
    ):
        pass


def test_a_failure_half_way_leaves_no_file(tmp_path: Path):

    def fail() -> None:
        with open_writer(tmp_path / "out.csv", ["a"]) as writer:
            writer.write({"a": 1})
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    assert list(tmp_path.iterdir()) == []
