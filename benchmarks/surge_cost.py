"""What topic and surge test cost per complaint, against the number of live complaints.

Complaints are drawn from a generator published here: 200 000 subjects with Zipf popularity, each of
seven words and one of 200 products, told amid words of everyday speech that follow Zipf's law too;
as in a real year of letters about half of the first 4 000 complaints open a topic. A window of N
complaints is filled, then the next ones are timed one by one; what runs once an hour or a day is
timed apart, as a service runs it from a timer. Times are processor time, as the machine is shared,
with wall time beside them. Each size runs in a process of its own, so that memory is its own.
Run: python benchmarks/surge_cost.py [--sizes A,B,C] [--json]
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from surge_report import Row, print_report, show_progress

from triage.surge import CHINA, IncomingComplaint, SurgeMonitor

N_SUBJECTS = 200_000
N_WORDS = 40_000
N_PRODUCTS = 200
WINDOW_DAYS = 60.0
N_TIMED = 5_000
N_EVERYDAY, N_OWN = 34, 7
BATCH = 5_000
START = datetime(2026, 1, 5, tzinfo=CHINA)


def draw(seed: int, *, per_day: float) -> Iterator[IncomingComplaint]:
    """Draw complaints for ever: who, what, where, a title of 10 signs and a body of 76."""
    rng = np.random.default_rng(seed)
    signs = rng.integers(0x4E00, 0x4E00 + 3_000, (N_WORDS, 2)).astype("<u4")
    words = [row.tobytes().decode("utf-32-le") for row in signs]
    subject_words = rng.integers(0, N_WORDS, (N_SUBJECTS, N_OWN))
    products = [words[3 * k] + words[3 * k + 1] for k in range(N_PRODUCTS)]
    everyday_share = _zipf_shares(N_WORDS, 3.0)
    subject_share = _zipf_shares(N_SUBJECTS, 30.0)
    at, number = START, 0
    while True:
        subjects = np.searchsorted(subject_share, rng.uniform(0.0, 1.0, BATCH))
        everyday = np.searchsorted(everyday_share, rng.uniform(0.0, 1.0, (BATCH, N_EVERYDAY)))
        own = subject_words[subjects]
        title = np.concatenate([own[:, :4], everyday[:, :1]], axis=1)
        body = np.concatenate([own[:, 2:], everyday[:, 1:]], axis=1)
        body = rng.permuted(body, axis=1)
        gaps = rng.exponential(86_400 / per_day, BATCH)
        customers = rng.integers(0, 400_000, BATCH)
        regions = rng.integers(0, 50, BATCH)
        for k in range(BATCH):
            at += timedelta(seconds=float(gaps[k]))
            first = "".join([words[word] for word in title[k].tolist()])
            rest = "".join([words[word] for word in body[k].tolist()])
            fields = {"region": f"区{regions[k]}", "product": products[subjects[k] % N_PRODUCTS]}
            yield IncomingComplaint(
                f"{number:032x}", at, f"{first}。{rest}", f"{customers[k]:064x}", fields
            )
            number += 1


def _zipf_shares(n: int, shift: float) -> np.ndarray:
    """Return cumulative shares that fall as 1 over rank plus a shift."""
    share = 1.0 / (np.arange(n) + shift)
    return np.cumsum(share / share.sum())


def measure(n_live: int, *, seed: int = 1) -> dict[str, float]:
    """Fill a window of `n_live` complaints and time the next ones."""
    monitor = SurgeMonitor(pairs=[("product", "region")])
    stream = draw(seed, per_day=n_live / WINDOW_DAYS)
    begin = time.process_time()
    for k in range(n_live):
        monitor.observe(next(stream))
        if k % 5_000 == 0:
            show_progress("filling", k, n_live)
    filled = time.process_time() - begin
    gc.collect()
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
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begin = time.process_time()
    state = json.dumps(monitor.state())
    saved = time.process_time() - begin
    begin = time.process_time()
    SurgeMonitor(pairs=[("product", "region")]).restore(json.loads(state))
    restored = time.process_time() - begin
    ms, tick_ms = 1000 * np.array(costs), 1000 * np.array(ticks)
    busy = tick_ms[tick_ms > 0.05]
    return {
        "median ms": float(np.median(ms)),
        "mean ms": float(ms.mean()),
        "p99 ms": float(np.quantile(ms, 0.99)),
        "wall median ms": float(1000 * np.median(walls)),
        "wall p99 ms": float(1000 * np.quantile(walls, 0.99)),
        "hourly tick ms, median": float(np.median(busy)) if len(busy) else 0.0,
        "longest tick ms": float(tick_ms.max()),
        "fill, drawing and ticks: ms per complaint": 1000 * filled / n_live,
        "peak MB": memory,
        "topics": float(len(monitor.topics.topics)),
        "state MB": len(state) / 1e6,
        "state to JSON s": saved,
        "from JSON s": restored,
    }


def measure_apart(n_live: int) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--one-size", str(n_live)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--one-size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.one_size:
        print(json.dumps(measure(options.one_size)))
        return
    sizes = [int(size) for size in options.sizes.split(",")]
    rows = [Row(f"{size} live complaints", measure_apart(size)) for size in sizes]
    first, last = rows[0].figures, rows[-1].figures
    ratio = {name: last[name] / first[name] for name in ("median ms", "mean ms", "p99 ms")}
    rows.append(Row("largest over smallest (reach 2)", ratio))
    reach = {"median ms": 0.6, "p99 ms": 3.0, "peak MB": 600.0}
    print_report(
        "surge_cost",
        rows,
        reach=Row("reach (times at 100 000, memory at 1 000 000)", reach),
        as_json=options.json,
        held_constant={
            "data": "draw(seed=1)",
            "timed": f"{N_TIMED} complaints after the fill, processor time, ticks apart",
        },
    )


if __name__ == "__main__":
    main()
