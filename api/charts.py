"""Every chart, drawn on the server as an SVG."""

from __future__ import annotations

import io
import warnings

from triage.alert_series import AlertSeries

_OBSERVED, _MEMBERS, _BAND, _ALARM = "#8fa7bf", "#c0392b", "#d9e4ec", "#7a1f15"


def draw_alert(
    series: AlertSeries,
    *,
    title: str,
    labels: tuple[str, str, str, str] = ("每日投诉", "属于本预警", "正常范围", "预警"),
) -> str:
    """Draw an alert: observed days, the expected band, the alarm and the members.

    Parameters
    ----------
    series : AlertSeries
        From `triage.alert_series.series_of`.
    title : str
        What stands above.
    labels : tuple of str
        Legend: observed, members, expected band, alarm.

    Returns
    -------
    str
        An SVG whose text is text; the same series gives the same file.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    style = mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "complaint-triage",
            "font.family": ["sans-serif"],
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    with style, warnings.catch_warnings():
        # The reader's browser has the fonts; the server need not, and need not say so.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(8.0, 3.2), layout="constrained")
        axes = figure.add_subplot()
        days = [float(day.toordinal()) for day in series.days]
        axes.fill_between(
            days,
            list(series.expected_low),
            list(series.expected_high),
            step="mid",
            color=_BAND,
            label=labels[2],
        )
        axes.plot(days, list(series.expected), color=_OBSERVED, linestyle=":", linewidth=1)
        axes.bar(days, list(series.observed), color=_OBSERVED, label=labels[0])
        axes.bar(days, list(series.members), color=_MEMBERS, label=labels[1])
        axes.axvline(
            float(series.opened_on.toordinal()), color=_ALARM, linestyle="--", label=labels[3]
        )
        axes.set_title(title, loc="left")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xticks(days[::7], [day.strftime("%m-%d") for day in series.days[::7]])
        axes.legend(frameon=False, loc="upper left")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
