"""Weekly surge detection on the 42 scenarios of Noufaily et al. 2013 (SURGE.md 3.1).

The generator is `simulate`. Run: python benchmarks/surge_weekly.py [--first-seed N]
[--replicates R] [--farrington N_SERIES] [--json]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from surge_report import Row, print_report, show_progress

from triage.tails import mid_p, predictive_size, z_score
from triage.weekly import remember, remembered_p, score_week

FloatArray = NDArray[np.float64]

N_WEEKS = 624
FIRST_TEST = 575
N_TEST = N_WEEKS - FIRST_TEST
SIZES = range(1, 11)
ALPHA = 0.005
PARAMETERS = (
    (0.1, 1.5, 0.0025, 0.6, 0.6),
    (-2.0, 2.0, 0.005, 0.1, 0.3),
    (1.5, 1.0, 0.003, 0.2, -0.4),
    (0.5, 5.0, 0.002, 0.5, 0.5),
    (2.5, 3.0, 0.001, 1.0, 0.1),
    (3.75, 1.1, 0.001, 0.1, -0.1),
    (5.0, 1.2, 0.0001, 0.05, 0.01),
)
SCENARIOS = tuple((p, trend, waves) for p in PARAMETERS for trend in (0, 1) for waves in (0, 1, 2))


@dataclass(frozen=True, slots=True)
class Series:
    """One simulated baseline with ten alternative current outbreaks.

    `counts` has shape (11, n_weeks): without a current outbreak, then with one of each size;
    `first` and `last` are the weeks of the outbreaks, counted from 0.
    """

    counts: FloatArray
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    mean: FloatArray
    dispersion: float


def simulate(seed: int, scenario: int) -> Series:
    """Draw one series of a scenario."""
    (theta, phi, beta, gamma1, gamma2), trend, waves = SCENARIOS[scenario]
    rng = np.random.default_rng([seed, scenario])
    week = np.arange(1, N_WEEKS + 1)
    log_mean = theta + beta * trend * week
    for wave in range(1, waves + 1):
        angle = 2 * np.pi * wave * week / 52
        log_mean = log_mean + gamma1 * np.cos(angle) + gamma2 * np.sin(angle)
    mean = np.exp(log_mean)
    quiet = rng.poisson(mean) if phi == 1 else rng.negative_binomial(mean / (phi - 1), 1 / phi)
    baseline = quiet.astype(float)
    for size in (2, 3, 5, 10):
        weeks = _outbreak(rng, size, mean, phi, 312, FIRST_TEST - 1)
        np.add.at(baseline, weeks[weeks < FIRST_TEST], 1)
    counts = np.repeat(baseline[None], 11, axis=0)
    first, last = np.zeros(10, dtype=np.int64), np.zeros(10, dtype=np.int64)
    for size in SIZES:
        weeks = _outbreak(rng, size, mean, phi, FIRST_TEST, N_WEEKS - 1)
        weeks = weeks[weeks < N_WEEKS]
        np.add.at(counts[size], weeks, 1)
        first[size - 1], last[size - 1] = weeks.min(), weeks.max()
    return Series(counts, first, last, mean, phi)


def _outbreak(
    rng: np.random.Generator, size: int, mean: FloatArray, phi: float, low: int, high: int
) -> NDArray[np.int64]:
    """Draw the weeks of an outbreak's cases; one that has no case in the test is drawn again."""
    while True:
        start = int(rng.integers(low, high + 1))
        n_cases = int(rng.poisson(size * np.sqrt(phi * mean[start])))
        if n_cases >= 2:
            weeks = start + np.floor(rng.lognormal(0.0, 0.5, n_cases)).astype(np.int64)
            if weeks.min() < N_WEEKS:
                return weeks


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of the test weeks, shape (n_series, 11, n_test), and nominal alarms."""

    score: FloatArray
    nominal: NDArray[np.bool_]


def score_all(series: list[Series]) -> dict[str, Scores]:
    """Walk through the test weeks with the service's functions, refitting every week."""
    counts = np.concatenate([one.counts for one in series])
    model, previous = None, None
    remembered, single, p_values = [], [], []
    for week in range(FIRST_TEST - 1, N_WEEKS):
        score = score_week(counts[:, : week + 1], start=model)
        model = score.model
        if previous is not None:
            remembered.append(remember(score.z, previous))
            p_values.append(remembered_p(remember(score.strict_z, previous)))
            single.append(score.strict_z)
        previous = score.z
    shape = (len(series), 11, N_TEST)
    p_value = np.stack(p_values, axis=1).reshape(shape)
    one_week = np.stack(single, axis=1).reshape(shape)
    limit = float(z_score(ALPHA))
    return {
        "this service": Scores(np.stack(remembered, axis=1).reshape(shape), p_value < ALPHA),
        "this service without memory": Scores(one_week, one_week > limit),
    }


def score_truth(series: list[Series]) -> Scores:
    """Score with the true mean and dispersion: the limit of any one-week test."""
    counts = np.stack([one.counts for one in series])[:, :, FIRST_TEST:]
    mean = np.stack([one.mean for one in series])[:, None, FIRST_TEST:]
    size = predictive_size(mean, np.array([one.dispersion for one in series])[:, None, None])
    score = z_score(mid_p(counts, mean, size))
    return Scores(score, score > float(z_score(ALPHA)))


def score_rivals(series: list[Series]) -> dict[str, Scores]:
    """Score the home-made rule and EARS C1 to C3 (Hutwagner et al. 2003) on weeks."""
    counts = np.stack([one.counts for one in series])
    test = np.arange(FIRST_TEST, N_WEEKS)

    def past(gap: int, length: int, shift: int = 0) -> FloatArray:
        return np.stack([counts[:, :, test - shift - gap - k] for k in range(1, length + 1)])

    def ears(gap: int, shift: int = 0) -> FloatArray:
        base = past(gap, 7, shift)
        deviation = np.maximum(base.std(axis=0, ddof=1), 0.5)
        return (counts[:, :, test - shift] - base.mean(axis=0)) / deviation

    ratio = counts[:, :, test] / np.maximum(past(0, 8).mean(axis=0), 1e-9)
    ratio[counts[:, :, test] == 0] = 0.0
    c1, c2 = ears(0), ears(2)
    c3 = sum((np.maximum(ears(2, shift) - 1, 0) for shift in (0, 1, 2)), np.zeros_like(c2))
    return {
        "count > 2 x mean of 8 weeks": Scores(ratio, ratio > 2),
        "EARS C1": Scores(c1, c1 > 3),
        "EARS C2": Scores(c2, c2 > 3),
        "EARS C3": Scores(c3, c3 > 2),
    }


def rate(name: str, scores: Scores, series: list[Series]) -> Row:
    """Measure a detector at its nominal threshold, and at a pooled false-positive rate of 1 %."""
    quiet = scores.nominal[:, 0]
    by_scenario = quiet.reshape(-1, len(SCENARIOS), N_TEST).mean(axis=(0, 2))
    threshold = float(np.quantile(scores.score[:, 0], 0.99))
    pod, _ = _detected(scores.nominal[:, 1:], series)
    pod_1, first_1 = _detected(scores.score[:, 1:] > threshold, series)
    return Row(
        name,
        {
            "nominal FPR %": 100 * float(quiet.mean()),
            "worst scenario %": 100 * float(by_scenario.max()),
            "nominal POD %": pod,
            "POD @1 %": pod_1,
            "w1 @1 %": first_1,
        },
    )


def _detected(alarm: NDArray[np.bool_], series: list[Series]) -> tuple[float, float]:
    """Return the percentage of outbreaks seen at all, and in their first week."""
    week = np.arange(FIRST_TEST, N_WEEKS)
    first = np.stack([one.first for one in series])[:, :, None]
    last = np.stack([one.last for one in series])[:, :, None]
    during = (week >= first) & (week <= last)
    seen = (alarm & during).any(axis=2).mean()
    return 100 * float(seen), 100 * float((alarm & (week == first)).any(axis=2).mean())


FARRINGTON = """
suppressMessages(library(surveillance))
x <- as.matrix(read.csv("{counts}", header = FALSE))
res <- t(apply(x, 1, function(y) {{
  s <- sts(matrix(y, ncol = 1), start = c(2000, 1), frequency = 52)
  control <- list(range = {first}:{last}, b = 5, w = 3, reweight = TRUE, weightsThreshold = 2.58,
    noPeriods = 10, pastWeeksNotIncluded = 26, pThresholdTrend = 1, thresholdMethod = "nbPlugin",
    alpha = {alpha}, limit54 = c(0, 4), verbose = FALSE)
  f <- suppressWarnings(farringtonFlexible(s, control))
  mu <- control(f)$expected; score <- control(f)$score
  c(as.integer(alarms(f)), as.numeric(score))
}}))
write.table(res, "{out}", sep = ",", row.names = FALSE, col.names = FALSE)
"""


def score_farrington(series: list[Series]) -> Scores | str:
    """Run R's Farrington Flexible on series with one outbreak size each; say why if it cannot."""
    if shutil.which("Rscript") is None:
        return "no R here: apt-get install r-base-core r-cran-surveillance"
    rows = np.concatenate([one.counts[[0, _size_of(k)]] for k, one in enumerate(series)])
    with tempfile.TemporaryDirectory() as folder:
        counts, out = Path(folder, "counts.csv"), Path(folder, "out.csv")
        np.savetxt(counts, rows, fmt="%d", delimiter=",")
        script = FARRINGTON.format(
            counts=counts, out=out, first=FIRST_TEST + 1, last=N_WEEKS, alpha=ALPHA
        )
        command = ["Rscript", "-e", script]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        if done.returncode:
            return f"R failed: {done.stderr.strip().splitlines()[-1:]}"
        result = np.genfromtxt(out, delimiter=",", missing_values="NA", filling_values=0.0)
    alarm, score = np.split(result, 2, axis=1)
    shape = (len(series), 2, N_TEST)
    return Scores(np.nan_to_num(score).reshape(shape), alarm.reshape(shape) > 0)


def _size_of(place: int) -> int:
    """Choose the outbreak size, 1 to 10, that a series is compared with."""
    return 1 + place % 10


def rate_one_size(name: str, scores: Scores, series: list[Series]) -> Row:
    """Measure a detector on series without an outbreak and with one size each."""
    threshold = float(np.quantile(scores.score[:, 0], 0.99))
    week = np.arange(FIRST_TEST, N_WEEKS)
    size = np.array([_size_of(k) for k in range(len(series))]) - 1
    first = np.array([one.first[k] for one, k in zip(series, size, strict=True)])[:, None]
    last = np.array([one.last[k] for one, k in zip(series, size, strict=True)])[:, None]
    during, at_once = (week >= first) & (week <= last), week == first
    above = scores.score[:, 1] > threshold
    return Row(
        name,
        {
            "nominal FPR %": 100 * float(scores.nominal[:, 0].mean()),
            "nominal POD %": 100 * float((scores.nominal[:, 1] & during).any(axis=1).mean()),
            "POD @1 %": 100 * float((above & during).any(axis=1).mean()),
            "w1 @1 %": 100 * float((above & at_once).any(axis=1).mean()),
        },
    )


def beside_farrington(series: list[Series], own: Scores) -> list[Row]:
    """Measure Farrington Flexible and this service on the same series and outbreaks."""
    scores = score_farrington(series)
    if isinstance(scores, str):
        print(f"Farrington Flexible skipped, its figures are SURGE.md's: {scores}", file=sys.stderr)
        return []
    chosen = np.array([[0, _size_of(k)] for k in range(len(series))])
    place = np.arange(len(series))[:, None]
    same = Scores(own.score[place, chosen], own.nominal[place, chosen])
    return [
        rate_one_size(f"this service, {len(series)} series", same, series),
        rate_one_size(
            f"Farrington Flexible, nbPlugin, R, the same {len(series)} series", scores, series
        ),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--farrington", type=int, default=84, help="series to run through R")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    series: list[Series] = []
    parts: dict[str, list[Scores]] = {}
    for begin in range(0, options.replicates, 20):
        seeds = range(begin, min(begin + 20, options.replicates))
        show_progress("replicates", begin, options.replicates)
        some = [
            simulate(options.first_seed + seed, k) for seed in seeds for k in range(len(SCENARIOS))
        ]
        scored = score_all(some) | score_rivals(some)
        scored["one week, true mean known (limit)"] = score_truth(some)
        for name, scores in scored.items():
            parts.setdefault(name, []).append(scores)
        series += some
    show_progress("replicates", options.replicates, options.replicates)
    joined = {
        name: Scores(
            np.concatenate([part.score for part in scores]),
            np.concatenate([part.nominal for part in scores]),
        )
        for name, scores in parts.items()
    }
    rows = [rate(name, scores, series) for name, scores in joined.items()]
    if options.farrington:
        own = joined["this service"]
        rows += beside_farrington(series[: options.farrington], own)
    known = {"nominal FPR %": 0.56, "worst scenario %": 1.3, "nominal POD %": 43.4}
    rows.append(Row("Farrington Flexible (SURGE.md)", known | {"POD @1 %": 51.6, "w1 @1 %": 41.3}))
    reach = {"nominal FPR %": 0.6, "worst scenario %": 1.0, "POD @1 %": 58.0, "w1 @1 %": 41.0}
    print_report(
        "surge_weekly",
        rows,
        reach=Row("reach", reach),
        as_json=options.json,
        held_constant={
            "data": f"simulate(seed, scenario), seeds {options.first_seed} to "
            f"{options.first_seed + options.replicates - 1}, {len(series)} series, "
            f"{10 * len(series)} outbreaks",
            "alpha": str(ALPHA),
        },
    )


if __name__ == "__main__":
    main()
