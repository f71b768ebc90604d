"""Bring old complaints of a spreadsheet in: one line a row, nothing twice, errors by row.

    python import_spreadsheet.py complaints.xlsx --text 内容 --id 工单号 --time 受理时间

Needs httpx, openpyxl, TRIAGE_URL and TRIAGE_KEY.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
from openpyxl import load_workbook

URL = os.environ.get("TRIAGE_URL", "http://127.0.0.1:8000")
KEY = os.environ["TRIAGE_KEY"]


def read_lines(file: Path, columns: dict[str, str]) -> Iterator[bytes]:
    """Give each row as a line of JSON; the file is read as it is sent."""
    sheet = load_workbook(file, read_only=True).active
    rows = sheet.iter_rows(values_only=True)
    names = [str(name) for name in next(rows)]
    places = {field: names.index(column) for field, column in columns.items() if column}
    for row in rows:
        complaint = {field: row[place] for field, place in places.items() if row[place]}
        if isinstance(complaint.get("occurred_at"), datetime):
            complaint["occurred_at"] = complaint["occurred_at"].isoformat()
        yield json.dumps(complaint, ensure_ascii=False, default=str).encode() + b"\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--text", default="text")
    parser.add_argument("--id", default="", help="column with your own id: makes repeats safe")
    parser.add_argument("--time", default="")
    options = parser.parse_args()
    columns = {"text": options.text, "external_id": options.id, "occurred_at": options.time}
    counts: dict[int, int] = {}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-ndjson"}
    with (
        httpx.Client(base_url=URL, headers=headers, timeout=None) as client,
        client.stream(
            "POST",
            "/v1/complaints/import",
            params={"live": "false"},
            content=read_lines(options.file, columns),
        ) as answer,
    ):
        answer.raise_for_status()
        for line in answer.iter_lines():
            result = json.loads(line)
            counts[result["status"]] = counts.get(result["status"], 0) + 1
            if result["problem"]:
                print(f"row {result['line'] + 1}: {result['problem']['detail']}", file=sys.stderr)
    print(f"{counts.get(201, 0)} stored, {counts.get(200, 0)} stored before")
    sys.exit(1 if set(counts) - {200, 201} else 0)


if __name__ == "__main__":
    main()
