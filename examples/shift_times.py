"""Copy the example file with its times moved so that its last day is today.

    python examples/shift_times.py examples/complaints.csv var/complaints.csv

Whole days are moved; the hour of each complaint stays.
"""

import csv
import sys
from datetime import datetime, timedelta
from pathlib import Path


def shift(source: Path, target: Path, today: datetime) -> None:
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [datetime.fromisoformat(row["time"]) for row in rows]
    by = timedelta(days=(today.date() - max(times).date()).days)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row, time in zip(rows, times, strict=True):
            writer.writerow({**row, "time": (time + by).isoformat(sep=" ")})


if __name__ == "__main__":
    shift(Path(sys.argv[1]), Path(sys.argv[2]), datetime.now())
