"""Surges in an hourly stream of 300 cells after 12 weeks of history (SURGE.md 3.3).

The generator is `simulate`. Run: python benchmarks/surge_hourly.py [--seeds A,B,C] [--json]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from surge_report import Row, print_report

from triage.hourly import learn_hours, score_hours
from triage.vigilance import combine_windows, threshold_for

FloatArray = NDArray[np.float64]

N_CELLS = 300
HISTORY_DAYS = 84
TEST_DAYS = 28
FALSE_PER_CELL_DAY = 0.01
RATE_SKEW = 0.35
FIRST_HOURS = (7, 17)


@dataclass(frozen=True, slots=True)
class Stream:
    """Counts of shape (n_cells, n_hours) and, per cell, the hours of one surge (-1 for none)."""

    counts: FloatArray
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    week_hour: NDArray[np.int64]


def simulate(seed: int) -> Stream:
    """Draw one stream: profile, day factors, drift, holidays, dispersion, surges with a ramp."""
    rng = np.random.default_rng(seed)
    n_days = HISTORY_DAYS + TEST_DAYS
    n_hours = 24 * n_days
    hour = np.arange(n_hours)
    daily_rate = 0.5 * 400.0 ** (rng.uniform(0.0, 1.0, N_CELLS) ** RATE_SKEW)
    mean = daily_rate[:, None] / 24.0 * _profile(rng)[:, hour % 168]
    day_factor = np.exp(rng.normal(0.0, 0.12, n_days) + rng.normal(0.0, 0.10, (N_CELLS, n_days)))
    holidays = rng.choice(n_days, size=6, replace=False)
    day_factor[:, holidays] *= 0.6
    drift = np.exp(np.cumsum(rng.normal(0.0, 0.01, (N_CELLS, n_days)), axis=1))
    mean = mean * np.repeat(day_factor * drift, 24, axis=1)
    start, end, lift = _surges(rng, n_hours)
    dispersion = rng.uniform(1.0, 1.8, N_CELLS)[:, None]
    mean = mean * lift
    size = mean / np.maximum(dispersion - 1.0, 1e-3)
    counts = rng.poisson(rng.gamma(np.maximum(size, 1e-9), 1.0 / size * mean))
    return Stream(counts.astype(float), start, end, hour % 168)


def _profile(rng: np.random.Generator) -> FloatArray:
    """Draw each cell's hours of the week around a common two-peaked working day."""
    clock = np.arange(24)
    day = 0.15 + np.exp(-((clock - 10.5) ** 2) / 9) + 0.9 * np.exp(-((clock - 16) ** 2) / 14)
    week = np.concatenate([day * (1.0 if weekday < 5 else 0.6) for weekday in range(7)])
    own = week * np.exp(rng.normal(0.0, 0.15, (N_CELLS, 7))).repeat(24, axis=1)
    return own / own.mean(axis=1, keepdims=True)


def _surges(
    rng: np.random.Generator, n_hours: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Give every second cell one surge of 2, 3 or 5 times for 6, 24 or 72 hours."""
    start = np.full(N_CELLS, -1)
    end = np.full(N_CELLS, -1)
    lift = np.ones((N_CELLS, n_hours))
    for cell in range(0, N_CELLS, 2):
        length = int(rng.choice([6, 24, 72]))
        factor = float(rng.choice([2.0, 3.0, 5.0]))
        day = int(rng.integers(HISTORY_DAYS + 1, (n_hours - length) // 24 - 1))
        begin = 24 * day + int(rng.integers(*FIRST_HOURS))
        ramp = np.minimum(np.arange(1, length + 1) / max(length / 4, 1.0), 1.0)
        lift[cell, begin : begin + length] = 1.0 + (factor - 1.0) * ramp
        start[cell], end[cell] = begin, begin + length
    return start, end, lift


def score_stream(stream: Stream) -> FloatArray:
    """Walk through the test days with the service's functions; shape (n_cells, n_test_hours)."""
    scores = []
    for day in range(HISTORY_DAYS, HISTORY_DAYS + TEST_DAYS):
        past = stream.counts[:, (day - HISTORY_DAYS) * 24 : day * 24]
        baseline = learn_hours(past, stream.week_hour[(day - HISTORY_DAYS) * 24 : day * 24])
        first, last = (day - 3) * 24, (day + 1) * 24
        hours = score_hours(
            baseline, stream.counts[:, first:last], stream.week_hour[first:last], n_hours=24
        )
        scores.append(combine_windows(hours.z))
    return np.concatenate(scores, axis=1)


def rivals(stream: Stream) -> dict[str, FloatArray]:
    """Score the rules that people write themselves, and EARS, over rolling 24 hours."""
    counts = stream.counts
    total = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
    n_hours = counts.shape[1]
    hour = np.arange(HISTORY_DAYS * 24, n_hours) + 1

    def window(ends: NDArray[np.int64], hours: int) -> FloatArray:
        return total[:, ends] - total[:, ends - hours]

    day = window(hour, 24)
    week_mean = window(hour - 24, 168) / 7
    days = np.stack([window(hour - 24 * lag, 24) for lag in range(10)])
    scores = {"24 h > k x 7-day mean": day / np.maximum(week_mean, 0.3)}
    scores["24 h > k x same hours last week"] = day / np.maximum(window(hour - 168, 24), 1.0)
    for name, gap in (("EARS C1, rolling", 1), ("EARS C2, rolling", 3)):
        base = days[gap : gap + 7]
        scores[name] = (day - base.mean(axis=0)) / np.maximum(base.std(axis=0, ddof=1), 0.5)
    c2 = scores["EARS C2, rolling"]
    lagged = [
        np.maximum(np.pad(c2, ((0, 0), (24 * k, 0)))[:, : c2.shape[1]] - 1, 0) for k in (0, 1, 2)
    ]
    scores["EARS C3, rolling"] = sum(lagged, np.zeros_like(c2))
    weeks = range(1, 9)
    halves = []
    for hours in (12, 24):
        same = np.stack([window(hour - 168 * week, hours) for week in weeks])
        mean = same.mean(axis=0)
        spread = np.sqrt(np.maximum(same.var(axis=0, ddof=1), np.maximum(1.5 * mean, 1.0)))
        halves.append((window(hour, hours) - mean) / spread)
    scores["hour-of-week z"] = np.maximum(*halves)
    return scores


def episodes(alarm: NDArray[np.bool_], *, gap_hours: int = 24) -> int:
    """Count alert episodes: alarms of one cell less than a day apart are one."""
    n_episodes = 0
    for row in alarm:
        hours = np.flatnonzero(row)
        if len(hours):
            n_episodes += 1 + int((np.diff(hours) > gap_hours).sum())
    return n_episodes


def quiet_part(stream: Stream) -> NDArray[np.bool_]:
    """Mark the test hours without a surge or its echo in a 48-hour window."""
    hour = np.arange(HISTORY_DAYS * 24, stream.counts.shape[1])
    struck = (hour >= stream.start[:, None]) & (hour < stream.end[:, None] + 48)
    return ~(struck & (stream.start >= 0)[:, None])


def threshold_at_budget(scores: Sequence[FloatArray], quiet: Sequence[NDArray[np.bool_]]) -> float:
    """Find the threshold with one false episode per 100 quiet cell-days."""
    cell_days = sum(int(part.sum()) for part in quiet) / 24
    low, high = -1.0, float(max(score.max() for score in scores)) + 1.0
    for _ in range(40):
        middle = (low + high) / 2
        n_false = sum(episodes((s > middle) & q) for s, q in zip(scores, quiet, strict=True))
        low, high = (middle, high) if n_false > FALSE_PER_CELL_DAY * cell_days else (low, middle)
    return high


def rate(
    scores: Sequence[FloatArray], streams: Sequence[Stream], threshold: float
) -> dict[str, float]:
    """Measure detection, median delay and false episodes at a threshold."""
    delays = []
    n_false, cell_days = 0, 0.0
    for score, stream in zip(scores, streams, strict=True):
        quiet = quiet_part(stream)
        n_false += episodes((score > threshold) & quiet)
        cell_days += quiet.sum() / 24
        for cell in np.flatnonzero(stream.start >= 0):
            begin, end = (
                int(x) - HISTORY_DAYS * 24 for x in (stream.start[cell], stream.end[cell])
            )
            hits = np.flatnonzero(score[cell, begin:end] > threshold)
            delays.append(hits[0] + 1 if len(hits) else np.inf)
    found = np.array(delays)
    return {
        "pod": float(np.isfinite(found).mean()),
        "median_delay_hours": float(np.median(found[np.isfinite(found)])),
        "false_per_100_cell_days": 100 * n_false / cell_days,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1,2,3,4,5,6,7,8,9,10")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    streams = [simulate(seed) for seed in seeds]
    quiet = [quiet_part(stream) for stream in streams]
    everything: dict[str, list[FloatArray]] = {"this service": [score_stream(s) for s in streams]}
    for stream in streams:
        for name, score in rivals(stream).items():
            everything.setdefault(name, []).append(score)
    rows = []
    for name, scores in everything.items():
        threshold = threshold_at_budget(scores, quiet)
        rows.append(Row(name, {**rate(scores, streams, threshold), "threshold": threshold}))
    promised = threshold_for(FALSE_PER_CELL_DAY)
    own = rate(everything["this service"], streams, promised)
    rows.append(
        Row(
            "this service at its promised threshold",
            {
                **own,
                "threshold": promised,
                "observed_over_promised": own["false_per_100_cell_days"]
                / (100 * FALSE_PER_CELL_DAY),
            },
        )
    )
    print_report(
        "surge_hourly",
        rows,
        as_json=options.json,
        reach=Row(
            "reach", {"pod": 0.80, "median_delay_hours": 11.0, "observed_over_promised": 1.5}
        ),
        held_constant={
            "data": f"simulate(seed), seeds {options.seeds}: {N_CELLS} cells, {HISTORY_DAYS} days "
            f"of history, {TEST_DAYS} test days, {N_CELLS // 2} surges each",
            "budget": "1 false alert episode per 100 cell-days",
        },
    )


if __name__ == "__main__":
    main()
