"""How confidence must be set where texts come from people the model never met.

    python benchmarks/transfer.py

Reads the even rows of the labelled real data (those that may be looked at), and prints figures
for ``[confidence]`` of training/default.toml: label shares, the temperature at which confidence
matches the error, and the lowest threshold that keeps the promise with its bound. Odd rows are
left for `accuracy.py` to report.
"""

import numpy as np
from accuracy import as_data, read_rows
from scipy.optimize import minimize_scalar

from models.registry import Registry
from models.terminal import registry_root
from training.confidence import upper_bound
from training.evaluate import TaskAnswers, answer

BOUND = 0.9
MARGIN = 0.2


def temperature(answers: TaskAnswers) -> float:
    """Give by what log-odds must be divided for the likeliest right labels."""
    scores = np.log(np.maximum(answers.probabilities, 1e-9))
    rows = np.arange(len(scores))

    def loss(t: float) -> float:
        scaled = scores / t
        scaled = scaled - np.logaddexp.reduce(scaled, axis=1)[:, None]
        return float(-scaled[rows, answers.right].mean())

    return float(minimize_scalar(loss, bounds=(0.5, 4), method="bounded").x)


def lowest_threshold(answers: TaskAnswers, promise: float, t: float) -> float:
    """Give the lowest confidence that keeps the promise on these rows; above 1 where none does."""
    scaled = np.log(np.maximum(answers.probabilities, 1e-9)) / t
    shares = np.exp(scaled - np.logaddexp.reduce(scaled, axis=1)[:, None])
    ordered = np.sort(shares, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] >= MARGIN
    confidence, wrong = ordered[clear, -1], (answers.model != answers.right)[clear]
    order = np.argsort(-confidence, kind="stable")
    n = np.arange(1, len(order) + 1)
    bounds = upper_bound(np.cumsum(wrong[order]), n, BOUND)
    safe = np.flatnonzero(bounds <= promise)
    return float(confidence[order][safe[-1]]) if len(safe) else 1.01


def main() -> None:
    rows = read_rows("even")
    data = as_data(rows)
    answers = answer(Registry(registry_root(None)).load(), data)
    print(f"# from {len(rows)} even rows of complaints_labelled.csv, benchmarks/transfer.py")
    print("[confidence.flattening]")
    heat = {a.task.id: temperature(a) for a in answers}
    for task, t in heat.items():
        print(f"{task} = {t:.2f}")
    for promise in (0.05, 0.08):
        print(f"[confidence.min_auto]  # promise {promise:.0%}")
        for a in answers:
            print(f"{a.task.id} = {lowest_threshold(a, promise, heat[a.task.id]):.3f}")
    for a in answers:
        print(f"[confidence.priors.{a.task.id}]")
        for i, label in enumerate(a.task.label_ids):
            print(f"{label} = {(np.sum(a.right == i) + 1) / (len(rows) + len(a.task.labels)):.3f}")


if __name__ == "__main__":
    main()
