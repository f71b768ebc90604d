"""Daily surge detection on 16 simulated signals with labelled outbreaks (SURGE.md 3.2).

Run: python benchmarks/surge_daily.py [--data FILE] [--json]
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from surge_report import Row, print_report

from triage.daily import DayCalendar, first_open_days, learn_days, score_days

TEST_DAYS = 343
SPECIFICITY = 0.98
N_CONTEXT = 45


@dataclass(frozen=True, slots=True)
class Signals:
    """Daily counts, outbreak cases of shape (n_series, n_days), and bank holidays."""

    counts: NDArray[np.float64]
    outbreak: NDArray[np.float64]
    is_holiday: NDArray[np.bool_]


def read_signals(path: Path, *, every: int = 1) -> Signals:
    """Read the published file; every n-th simulation only, for tuning."""
    with np.load(path) as file:
        n_days = file["counts"].shape[-1]
        counts = file["counts"].reshape(-1, n_days)[::every].astype(float)
        outbreak = file["outbreak"].reshape(-1, n_days)[::every].astype(float)
        return Signals(counts, outbreak, file["bank_holiday"] > 0)


def score_signals(signals: Signals) -> NDArray[np.float64]:
    """Walk through the test days with the service's functions, refitting once a week."""
    n_days = signals.counts.shape[1]
    number = np.arange(n_days)
    is_open = ~signals.is_holiday & (number % 7 < 5)
    after = first_open_days(signals.is_holiday, is_open)
    scores = []
    model = None
    for first in range(n_days - TEST_DAYS, n_days, 7):
        last = min(first + 7, n_days)
        days = DayCalendar(
            number[:last], signals.is_holiday[:last], after[:last], np.zeros(last, bool), 364.0
        )
        baseline = learn_days(signals.counts[:, :first], days, start=model)
        model = baseline.model
        covered = baseline.expected.shape[1]
        recent = signals.counts[:, last - covered : last]
        scores.append(score_days(baseline, recent, n_days=last - first))
    return np.concatenate(scores, axis=1)


def rate(name: str, score: NDArray[np.float64], outbreak: NDArray[np.bool_]) -> Row:
    """Measure a detector at the common specificity, one threshold for all signals."""
    threshold = np.quantile(score[~outbreak], SPECIFICITY)
    alarm = score > threshold
    struck = outbreak.any(axis=1)
    delays = []
    for days, hits in zip(outbreak[struck], (alarm & outbreak)[struck], strict=True):
        span = np.flatnonzero(days)
        first = np.flatnonzero(hits)
        length = span[-1] - span[0] + 1
        delays.append((first[0] - span[0]) / length if len(first) else 1.0)
    return Row(
        name,
        {
            "specificity": float((~alarm[~outbreak]).mean()),
            "sensitivity": float(alarm[outbreak].mean()),
            "pod": float((alarm & outbreak).any(axis=1)[struck].mean()),
            "timeliness": float(np.mean(delays)),
        },
    )


def rolling_z(
    counts: NDArray[np.float64], *, n_days: int, gap: int, floor: float
) -> NDArray[np.float64]:
    """Return the score of EARS: distance from the rolling mean in rolling deviations."""
    total = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
    square = np.cumsum(np.pad(counts**2, ((0, 0), (1, 0))), axis=1)
    day = np.arange(counts.shape[1])
    end, begin = np.maximum(day - gap, 0), np.maximum(day - gap - n_days, 0)
    mean = (total[:, end] - total[:, begin]) / n_days
    variance = (square[:, end] - square[:, begin]) / n_days - mean**2
    deviation = np.sqrt(np.maximum(variance * n_days / (n_days - 1), 0.0))
    return (counts - mean) / np.maximum(deviation, floor)


def ears(counts: NDArray[np.float64], variant: int) -> NDArray[np.float64]:
    """Return the scores of EARS C1, C2 or C3 (Hutwagner et al. 2003)."""
    if variant == 1:
        return rolling_z(counts, n_days=7, gap=0, floor=0.5)
    c2 = rolling_z(counts, n_days=7, gap=2, floor=0.5)
    if variant == 2:
        return c2
    above = np.maximum(c2 - 1.0, 0.0)
    return above + np.roll(above, 1, axis=1) + np.roll(above, 2, axis=1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    home = Path(os.environ.get("TRIAGE_MEASURE_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=home / "daily_counts.npz")
    parser.add_argument("--every", type=int, default=1, help="use every n-th simulation only")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.data.exists():
        raise SystemExit(f"skipped: no {options.data} (set TRIAGE_MEASURE_DATA or --data)")
    signals = read_signals(options.data, every=options.every)
    outbreak = signals.outbreak[:, -TEST_DAYS:] > 0
    rows = [rate("this service", score_signals(signals), outbreak)]
    for variant in (1, 2, 3):
        score = ears(signals.counts, variant)[:, -TEST_DAYS:]
        rows.append(rate(f"EARS C{variant}", score, outbreak))
    naive = rolling_z(signals.counts, n_days=28, gap=0, floor=0.5)[:, -TEST_DAYS:]
    rows.append(rate("naive, 28-day mean and deviation", naive, outbreak))
    rows += [
        Row(
            "Farrington Flexible on 7-day sums (SURGE.md)",
            {"specificity": 0.983, "sensitivity": 0.523, "pod": 0.922, "timeliness": 0.229},
        ),
        Row(
            "supervised LSTM, published (SURGE.md)",
            {"specificity": 0.980, "sensitivity": 0.703, "pod": 0.960, "timeliness": 0.185},
        ),
    ]
    reach = Row(
        "reach", {"specificity": 0.98, "sensitivity": 0.72, "pod": 0.985, "timeliness": 0.097}
    )
    print_report(
        "surge_daily",
        rows,
        reach=reach,
        as_json=options.json,
        held_constant={
            "data": f"{options.data.name}, {len(signals.counts)} series",
            "test": f"last {TEST_DAYS} days",
            "threshold": "one for all, no labels learnt",
        },
    )


if __name__ == "__main__":
    main()
