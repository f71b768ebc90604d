"""Charts of the model card, drawn as SVG."""

from pathlib import Path
from typing import Any

from training.confidence import RiskCoverage


def draw_risk_coverage(
    path: Path, curve: RiskCoverage, task: str, thresholds: dict[str, float]
) -> None:
    """Draw the error among the most confident answers against their share.

    The promised error is a dashed line: left of where the curve crosses it, answers may be used
    by themselves.
    """
    import matplotlib as mpl  # costs 0.5 s, and only training draws
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "risk-coverage",
        "font.family": "sans-serif",
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(6, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.plot(curve.coverage, curve.risk, color="#1f5f99")
        axes.axhline(thresholds["promised_error"], color="#b03030", linestyle="--", linewidth=1)
        axes.set_xlabel("share of answers, most confident first")
        axes.set_ylabel("error")
        axes.set_title(f"{task}: promised error {thresholds['promised_error']:.0%} (dashed)")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max(0.1, float(curve.risk.max()) * 1.05))
        axes.grid(alpha=0.3)
        figure.savefig(path, format="svg", metadata={"Date": None})
