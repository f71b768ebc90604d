"""Early warning over a dated file: the detector of the service, run as if the file were live."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.charts import draw_alert
from models.segmentation import load_cut
from models.tables import Row, read_rows
from triage.alert_series import series_of
from triage.alerts import Alert
from triage.errors import ReplayInputError, TableError
from triage.replay import read_time
from triage.surge import IncomingComplaint, SurgeMonitor
from triage.text import clean_texts


@dataclass(slots=True)
class DatedComplaints:
    """The complaints of a dated file, and the rows that could not be used.

    Attributes
    ----------
    complaints : list of IncomingComplaint
        Their ids are 0-based numbers of data rows.
    texts : dict of str to str
        Masked text of each complaint.
    left_out : list of str
        Why a row was not used.
    """

    complaints: list[IncomingComplaint] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def read_dated(
    path: Path,
    *,
    time_column: str,
    text_column: str,
    customer_column: str | None = None,
    by: Sequence[str] = (),
) -> DatedComplaints:
    """Read a dated file.

    Parameters
    ----------
    by : sequence of str
        Columns whose values are watched as cells.

    Raises
    ------
    TableError
        If the file cannot be read, a column is missing, or no row can be used.
    """
    found = DatedComplaints()
    wanted = [time_column, text_column, *([customer_column] if customer_column else []), *by]
    for number, row in enumerate(read_rows(path)):
        if number == 0:
            _check_columns(path, row, wanted)
        try:
            found.complaints.append(
                _complaint(number, row, time_column, text_column, customer_column, by)
            )
        except ReplayInputError as error:
            found.left_out.append(str(error))
    if not found.complaints:
        why = found.left_out[0] if found.left_out else "no rows"
        raise TableError(f"{path}: nothing to replay: {why}")
    _mask(found)
    return found


def telling_words(alert: Alert, dated: DatedComplaints, n: int = 4) -> list[str]:
    """Give the words that the members of an alert share and the other complaints do not.

    A word counts with the share of members that have it times its inverse document frequency.
    """
    cut = load_cut()
    words = {
        key: {word for word in cut(text) if len(word) >= 2 and word.isalpha()}
        for key, text in dated.texts.items()
    }
    everywhere = Counter(word for found in words.values() for word in found)
    here = Counter(word for key in alert.members for word in words[key])
    weight = {
        word: count / len(alert.members) * math.log(len(words) / everywhere[word])
        for word, count in here.items()
        if count >= 2
    }
    return sorted(weight, key=lambda word: (-weight[word], word))[:n]


def draw_alerts(
    folder: Path, alerts: Sequence[Alert], dated: DatedComplaints, monitor: SurgeMonitor
) -> None:
    """Draw one chart for each alert, named by its id.

    Raises
    ------
    TableError
        If the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TableError(f"{folder} cannot be made: {error.strerror}") from error
    times = {c.complaint_id: monitor.seconds_of(c) for c in dated.complaints}
    for alert in alerts:
        series = series_of(alert, monitor, member_times=times)
        title = f"{alert.surge_id} {' '.join(telling_words(alert, dated))}"
        chart = draw_alert(series, title=f"{title}: {alert.observed} / {alert.expected:.1f}")
        (folder / f"{alert.surge_id}.svg").write_text(chart, encoding="utf-8")


def _check_columns(path: Path, row: Row, wanted: Sequence[str]) -> None:
    missing = [column for column in wanted if column not in row.values]
    if missing:
        raise TableError(
            f"{path}: no column {', '.join(map(repr, missing))}: it has "
            f"{', '.join(map(str, row.values))}"
        )


def _complaint(
    number: int,
    row: Row,
    time_column: str,
    text_column: str,
    customer_column: str | None,
    by: Sequence[str],
) -> IncomingComplaint:
    text = str(row.values.get(text_column) or "")
    if row.error or not text.strip():
        raise ReplayInputError(f"row {number} has no text: {row.error or 'it is empty'}")
    fields = {column: str(row.values.get(column) or "") for column in by}
    return IncomingComplaint(
        str(number),
        read_time(row.values.get(time_column), row=number),
        text,
        str(row.values.get(customer_column) or "") or None if customer_column else None,
        {column: value for column, value in fields.items() if value},
    )


def _mask(found: DatedComplaints) -> None:
    cleaned = clean_texts([complaint.text for complaint in found.complaints])
    found.complaints = [
        IncomingComplaint(c.complaint_id, c.at, clean.folded, c.customer, c.fields)
        for c, clean in zip(found.complaints, cleaned, strict=True)
    ]
    found.texts = {
        c.complaint_id: clean.text for c, clean in zip(found.complaints, cleaned, strict=True)
    }
