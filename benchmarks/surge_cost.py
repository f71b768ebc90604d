"""What topic and surge test cost per complaint, against the number of live complaints.

Complaints are drawn from a generator published here: 30 000 subjects with Zipf popularity, each a
few place and matter signs, amid signs of everyday speech. A window of N complaints is filled, then
the next ones are timed one by one; what runs once an hour or a day is timed apart, as a service
runs it from a timer. Times are processor time, as the machine is shared, with wall time beside
them. Run: python benchmarks/surge_cost.py [--sizes A,B,C] [--json]
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from surge_report import Row, print_report

from triage.surge import CHINA, IncomingComplaint, SurgeMonitor

N_SUBJECTS = 30_000
WINDOW_DAYS = 60.0
N_TIMED = 5_000
START = datetime(2026, 1, 5, tzinfo=CHINA)


def draw(seed: int, *, per_day: float) -> Iterator[IncomingComplaint]:
    """Draw complaints for ever: who, what, where, 120 signs each."""
    rng = np.random.default_rng(seed)
    everyday = rng.integers(0x4E00, 0x4E00 + 600, 50_000).astype(np.uint32)
    at, number = START, 0
    while True:
        n = 10_000
        subjects = np.minimum(rng.zipf(1.15, n), N_SUBJECTS)
        gaps = rng.exponential(86_400 / per_day, n)
        customers = rng.integers(0, 400_000, n)
        starts = rng.integers(0, len(everyday) - 120, n)
        regions, products = rng.integers(0, 50, n), rng.integers(0, 200, n)
        for k in range(n):
            signs = np.random.default_rng(int(subjects[k])).integers(0x4E00, 0x4E00 + 12_000, 14)
            mixed = everyday[starts[k] : starts[k] + 106]
            codes = np.concatenate([signs, mixed]).astype("<u4")
            text = codes.tobytes().decode("utf-32-le")
            at += timedelta(seconds=float(gaps[k]))
            fields = {"region": f"区{regions[k]}", "product": f"品{products[k]}"}
            yield IncomingComplaint(
                f"c{number}", at, f"{text[:22]}。{text[22:]}", f"客{customers[k]}", fields
            )
            number += 1


def measure(n_live: int, *, seed: int = 1) -> dict[str, float]:
    """Fill a window of `n_live` complaints and time the next ones."""
    monitor = SurgeMonitor(pairs=[("product", "region")])
    stream = draw(seed, per_day=n_live / WINDOW_DAYS)
    begin = time.perf_counter()
    for _ in range(n_live):
        monitor.observe(next(stream))
    filled = time.perf_counter() - begin
    costs, walls, ticks = [], [], []
    for _ in range(N_TIMED):
        complaint = next(stream)
        first = time.perf_counter()
        monitor.advance(complaint.at.timestamp())
        second, cpu = time.perf_counter(), time.process_time()
        monitor.observe(complaint)
        costs.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - second)
        ticks.append(second - first)
    ms = 1000 * np.array(costs)
    tick_ms = 1000 * np.array(ticks)
    busy = tick_ms[tick_ms > 0.05]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "live": float(n_live),
        "median ms": float(np.median(ms)),
        "mean ms": float(ms.mean()),
        "p99 ms": float(np.quantile(ms, 0.99)),
        "wall median ms": float(1000 * np.median(walls)),
        "wall p99 ms": float(1000 * np.quantile(walls, 0.99)),
        "hourly tick ms, median": float(np.median(busy)) if len(busy) else 0.0,
        "daily tick ms, max": float(tick_ms.max()),
        "ticks ms per complaint": float(tick_ms.mean()),
        "fill: ms per complaint, all": 1000 * filled / n_live,
        "peak MB": memory,
        "topics": float(len(monitor.topics.topics)),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [Row(f"{size} live complaints", measure(int(size))) for size in options.sizes.split(",")]
    first, last = rows[0].figures["median ms"], rows[-1].figures["median ms"]
    rows.append(Row("largest over smallest", {"median ms": last / first}))
    reach = {"live": 100_000.0, "median ms": 0.6, "p99 ms": 3.0, "peak MB": 600.0}
    print_report(
        "surge_cost",
        rows,
        reach=Row("reach (100 000; memory at 1 000 000; ratio 2)", reach),
        as_json=options.json,
        held_constant={"data": "draw(seed=1)", "timed": f"{N_TIMED} complaints, ticks apart"},
    )


if __name__ == "__main__":
    main()
