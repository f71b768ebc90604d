"""The model card: what a version predicts, from what, how well, and what it is not for."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import beta

from models.charts import draw_risk_coverage
from training.confidence import risk_coverage
from training.data import LabelledTexts
from training.evaluate import TaskAnswers

N_CONFUSIONS = 5
N_FAILURES = 5
MAX_EXAMPLE_CHARS = 60


def write_card(
    folder: Path,
    version: str,
    data: LabelledTexts,
    answers: list[TaskAnswers],
    scores: dict[str, dict[str, Any]],
    manifest: dict[str, Any],
) -> None:
    """Write ``README.md`` and one risk–coverage chart for each task into a version's folder.

    A section without content is left out. Examples are quoted only from the project's own corpus:
    texts of a deployment never leave its data.
    """
    quote = data.name.startswith("the project's own corpus")
    parts = [_head(version, data, manifest)]
    for task_answers in answers:
        task = task_answers.task
        curve = risk_coverage(
            task_answers.probabilities.max(axis=1).astype(float),
            task_answers.model != task_answers.right,
        )
        name = f"risk-coverage-{task.id}.svg"
        chart = draw_risk_coverage(
            curve.coverage,
            curve.risk,
            title=task.id,
            promised_error=manifest["thresholds"][task.id]["promised_error"],
        )
        (folder / name).write_text(chart, encoding="utf-8")
        parts.append(_task_section(task_answers, scores[task.id], manifest, name))
        if quote:
            parts.append(_failures(task_answers, data))
    parts.append(_limits(data))
    parts.append(_reproduce(manifest))
    text = "\n\n".join(part for part in parts if part)
    (folder / "README.md").write_text(text + "\n", encoding="utf-8")


def interval(share: float, n: int) -> str:
    """Give the 95 % Clopper–Pearson interval of a share as text.

    Examples
    --------
    >>> interval(0.9, 100)
    '0.82–0.95'
    """
    hits = round(share * n)
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return f"{low:.2f}–{high:.2f}"


def _head(version: str, data: LabelledTexts, manifest: dict[str, Any]) -> str:
    tasks = ", ".join(
        f"{task['id']} ({len(task['labels'])} labels)" for task in manifest["taxonomy"]
    )
    return (
        f"# Model {version}\n\n"
        f"Predicts {tasks} of complaints in Chinese.\n\n"
        f"- Data: {data.name}, {len(data.texts)} rows, {len(set(data.texts))} distinct; "
        f"fingerprint `{data.fingerprint[:16]}`\n"
        f"- Scores below: {manifest['config']['n_folds']}-fold cross-validation, equal texts on "
        "one side; safety rules not applied\n"
        f"- Made: {manifest['created_at']}"
    )


def _task_section(
    answers: TaskAnswers, score: dict[str, Any], manifest: dict[str, Any], chart: str
) -> str:
    task, n = answers.task, score["n"]
    limits = manifest["thresholds"][task.id]
    lines = [
        f"## {task.id} · {task.name}",
        "",
        f"Accuracy {score['accuracy']:.3f} (95 % interval {interval(score['accuracy'], n)}), "
        f"macro-F1 {score['macro_f1']:.3f}, ECE {score['ece']:.3f}, Brier {score['brier']:.3f}.",
    ]
    if "quadratic_kappa" in score:
        lines.append(f"Quadratic κ {score['quadratic_kappa']:.3f}.")
    lines.append(_auto_line(score, limits))
    lines += ["", f"![error against share of answers]({chart})", ""]
    lines += ["| label | name | rows | precision | recall | F1 |", "|---|---|---|---|---|---|"]
    for label in task.labels:
        row = score["per_label"].get(label.id)
        if row:
            lines.append(
                f"| {label.id} | {label.name} | {row['n']} | {row['precision']:.2f} | "
                f"{row['recall']:.2f} ({interval(row['recall'], max(row['n'], 1))}) | "
                f"{row['f1']:.2f} |"
            )
    lines += ["", "Most often confused: " + "; ".join(_confusions(answers)) + "."]
    return "\n".join(lines)


def _auto_line(score: dict[str, Any], limits: dict[str, float]) -> str:
    if score["auto_error"] is None:
        return (
            f"`auto` is never given: no confidence kept the promised error of "
            f"{limits['promised_error']:.0%}."
        )
    return (
        f"`auto` from confidence {limits['auto']:.2f}: {score['auto_share']:.0%} of answers, "
        f"error {score['auto_error']:.1%}, promised at most {limits['promised_error']:.0%}."
    )


def _confusions(answers: TaskAnswers) -> Iterable[str]:
    ids = answers.task.label_ids
    pairs = Counter(
        (ids[r], ids[m])
        for r, m in zip(answers.right.tolist(), answers.model.tolist(), strict=True)
        if r != m
    )
    return [f"{r} taken for {m} ({n})" for (r, m), n in pairs.most_common(N_CONFUSIONS)]


def _failures(answers: TaskAnswers, data: LabelledTexts) -> str:
    """Quote the most confident errors, shortened."""
    wrong = np.flatnonzero(answers.model != answers.right)
    confidence = answers.probabilities.max(axis=1)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:N_FAILURES]
    ids = answers.task.label_ids
    lines = [f"### Known failures of {answers.task.id}", ""]
    for i in worst.tolist():
        text = data.texts[i].replace("\n", " ")
        short = text if len(text) <= MAX_EXAMPLE_CHARS else text[:MAX_EXAMPLE_CHARS] + "…"
        lines.append(
            f"- “{short}”: {ids[answers.model[i]]} with {confidence[i]:.2f}, "
            f"right is {ids[answers.right[i]]}"
        )
    return "\n".join(lines) if len(worst) else ""


def _limits(data: LabelledTexts) -> str:
    return (
        "## What it is not for\n\n"
        "- Deciding about people: who is right, whether a claim is justified, whether somebody "
        "lies.\n"
        "- Replacing an emergency line: acute danger is found by rules and by the model, neither "
        "finds all.\n"
        "- Other languages, speech that was badly transcribed, or texts that are no complaints: "
        "they go to `review`.\n"
        f"- Sources unlike its data ({data.name}): measure with `triage evaluate` before trusting "
        "`auto`."
    )


def _reproduce(manifest: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {v}" for name, v in manifest["libraries"].items())
    command = f"`{manifest['command']}`\n\n" if manifest["command"] else ""
    return f"## Make it again\n\n{command}Python {manifest['python']}; {versions}."
