"""All alerts of a deployment: opening, folding, growing and closing them by rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from triage.alerts import Alert, AlertEvent, Kind, Step
from triage.arrivals import Arrivals
from triage.cell_watch import CellScore
from triage.recent import RecentComplaints
from triage.tails import count_interval
from triage.topic_surge import TopicScore

DAY = 86_400.0
COOL_DOWN_DAYS = 45.0
"""More of the same within this time opens the old alert again instead of a new one."""

_QUIET_DAYS: Mapping[Kind, float] = {"topic": 10.0, "cell": 3.0}
_FORGET_DAYS = 400.0
_MIN_CUSTOMERS = 3
_MAX_MEMBERS = 5_000
"""Members listed by an alert; more only count."""


class AlertBook:
    """Alerts by id, and which of them speaks for a topic or a cell.

    Parameters
    ----------
    recent : RecentComplaints
        What alerts explain themselves with.
    """

    def __init__(self, recent: RecentComplaints) -> None:
        self.recent = recent
        self.alerts: dict[str, Alert] = {}
        self.of_topic: dict[int, str] = {}
        self.of_cell: dict[str, str] = {}
        self._customers: dict[str, set[str]] = {}
        self._n_opened = 0

    def begin(self, n_opened: int) -> None:
        """Go on to number alerts as if so many had been opened before."""
        self._n_opened = n_opened

    # -- opening -------------------------------------------------------------------------------

    def raise_topic(
        self,
        topic_ids: Sequence[int],
        score: TopicScore,
        arrivals: Arrivals,
        *,
        weeks_between: float,
        terms: tuple[str, ...],
        short_history: bool,
        now: float,
    ) -> AlertEvent:
        """Open the alert of a topic, or open its last one again, or narrow a cell's to it.

        Parameters
        ----------
        topic_ids : sequence of int
            The topic that surges, and near ones that surge with it; none has an open alert.
        score : TopicScore
            Why.
        arrivals : Arrivals
            Of the topic.
        weeks_between : float
            A quiet stream shows the like once in so many weeks.
        terms : tuple of str
            The topic's own terms, told when none is over-represented.
        short_history : bool
            Whether the stream is younger than four weeks.
        now : float
            Seconds since the epoch.

        Returns
        -------
        AlertEvent
            ``opened`` or ``reopened``.
        """
        topic_id = topic_ids[0]
        known = self._last(self.of_topic.get(topic_id))
        if known is not None and self.may_reopen(known, now):
            known.move("alert", at=now, by="machine", why="more of the same")
            self._extend(known, arrivals.ids[-1], now)
            return AlertEvent("reopened", known)
        members = arrivals.since(score.since)
        alert = self._narrowed("topic", str(topic_id), members, now)
        if alert is None:
            alert = self._open("topic", str(topic_id), members, short_history, now)
        alert.since, alert.observed = score.since, len(alert.members)
        alert.expected, alert.p_value = score.expected, score.corrected_p
        alert.expected_low, alert.expected_high = count_interval(score.expected, score.size)
        alert.weeks_between = weeks_between
        alert.terms = alert.terms or terms
        self.of_topic |= dict.fromkeys(topic_ids, alert.surge_id)
        return AlertEvent("opened", alert)

    def raise_cells(
        self,
        scores: Iterable[CellScore],
        *,
        false_per_day: float,
        n_cells: int,
        now: float,
    ) -> list[AlertEvent]:
        """Open alerts of cells, the most specific first, and none that another one explains.

        Parameters
        ----------
        scores : iterable of CellScore
            Busy cells of this tick.
        false_per_day : float
            A quiet cell may look like an alert this often a day; after a false alarm a tenth.
        n_cells : int
            How many cells are judged, for telling how rare an alert is.
        now : float
            Seconds since the epoch.

        Returns
        -------
        list of AlertEvent
            ``opened`` and ``reopened``.
        """
        surging = [score for score in scores if score.false_per_day <= false_per_day]
        surging.sort(key=lambda score: (-score.key.count("="), score.false_per_day, score.key))
        events = []
        for score in surging:
            known = self._last(self.of_cell.get(score.key))
            if known is not None and known.is_open:
                known.last_at = max(known.last_at, now)
            elif known is not None and self.may_reopen(known, now):
                if self._is_explained(self._members_of(score, now), score):
                    continue
                known.move("alert", at=now, by="machine", why="more of the same")
                known.last_at = now
                events.append(AlertEvent("reopened", known))
            elif known is None or not _is_rejected(known, score, false_per_day):
                event = self._raise_cell(score, n_cells, now)
                events += [event] if event is not None else []
        return events

    def _raise_cell(self, score: CellScore, n_cells: int, now: float) -> AlertEvent | None:
        """Open one cell's alert unless another alert or too few customers explain it."""
        since = now - (score.window_hours + 1) * 3600.0
        members = self._members_of(score, now)
        if len(set(self.recent.customers(members))) < _MIN_CUSTOMERS:
            return None
        alert = self._narrowed("cell", score.key, members, now)
        is_news = alert is None
        if alert is None:
            if self._is_explained(members, score):
                return None
            alert = self._open("cell", score.key, members, score.short_history, now)
        alert.since, alert.observed = since, score.observed
        alert.expected, alert.p_value = score.expected, score.p_value
        alert.expected_low, alert.expected_high = count_interval(score.expected, score.size)
        alert.weeks_between = 1.0 / (7.0 * score.false_per_day * max(n_cells, 1) + 1e-12)
        self.of_cell[score.key] = alert.surge_id
        return AlertEvent("opened", alert) if is_news else None

    def _members_of(self, score: CellScore, now: float) -> list[str]:
        """List the complaints of a cell's window."""
        since = now - (score.window_hours + 1) * 3600.0
        return self.recent.in_cell(score.key, since=since)

    def _open(
        self, kind: Kind, key: str, members: list[str], short_history: bool, now: float
    ) -> Alert:
        """Make an alert with everything that its members tell."""
        self._n_opened += 1
        terms, fields = self.recent.explain(members)
        alert = Alert(
            surge_id=f"S{self._n_opened:06d}",
            kind=kind,
            key=key,
            opened_at=now,
            since=now,
            level="attention",
            state="alert",
            group=self.recent.group(members),
            observed=len(members),
            expected=0.0,
            expected_low=0.0,
            expected_high=0.0,
            p_value=1.0,
            weeks_between=0.0,
            n_customers=len(set(self.recent.customers(members))),
            last_at=now,
            short_history=short_history,
            terms=terms,
            fields=fields,
            representatives=self.recent.represent(members, terms),
            members=list(members),
            members_at_open=list(members),
            observed_at_open=len(members),
            steps=[Step(now, "alert", "machine", "opened")],
        )
        self.alerts[alert.surge_id] = alert
        self._customers[alert.surge_id] = set(self.recent.customers(members))
        return alert

    # -- folding -------------------------------------------------------------------------------

    def _narrowed(self, kind: Kind, key: str, members: list[str], now: float) -> Alert | None:
        """Hand an open alert of a wider cell over to the narrower matter that explains it."""
        for cell, surge_id in list(self.of_cell.items()):
            alert = self.alerts[surge_id]
            if not alert.is_open or not _is_wider(cell, kind, key):
                continue
            excess = max(alert.observed_at_open - alert.expected, 1.0)
            if len(set(members).intersection(alert.members)) >= 0.5 * excess:
                del self.of_cell[cell]
                alert.kind, alert.key = kind, key
                alert.steps.append(
                    Step(now, alert.state, "machine", f"narrowed from {cell or '*'}")
                )
                alert.members = list(members)
                self._customers[surge_id] = set(self.recent.customers(members))
                alert.group = self.recent.group(members)
                alert.terms, alert.fields = self.recent.explain(members)
                alert.representatives = self.recent.represent(members, alert.terms)
                return alert
        return None

    def _is_explained(self, members: Sequence[str], score: CellScore) -> bool:
        """Tell whether open alerts already speak for most of a cell's excess."""
        told = {i for alert in self.alerts.values() if alert.is_open for i in alert.members}
        return len(told.intersection(members)) >= 0.5 * max(score.observed - score.expected, 1.0)

    def join_topics(self, keep: int, gone: int, *, now: float, by: str = "machine") -> None:
        """Follow a merge of topics."""
        surge_id = self.of_topic.pop(gone, None)
        if surge_id is None:
            return
        kept_id = self.of_topic.setdefault(keep, surge_id)
        alert, kept = self.alerts[surge_id], self.alerts[kept_id]
        if kept is alert:
            alert.key = str(keep)
        elif alert.is_open:
            self.take_over(kept, alert, at=now, by=by)

    def take_over(self, kept: Alert, gone: Alert, *, at: float, by: str) -> None:
        """Let one alert speak for the members of another, which is resolved."""
        known = set(kept.members)
        kept.members += [i for i in gone.members if i not in known]
        kept.observed = len(kept.members)
        customers = self._customers_of(kept) | self._customers_of(gone)
        self._customers[kept.surge_id] = customers
        kept.n_customers = max(kept.n_customers, gone.n_customers, len(customers))
        kept.last_at = max(kept.last_at, gone.last_at)
        gone.resolve(at=at, by=by, why=f"merged into {kept.surge_id}")

    # -- growing and closing -------------------------------------------------------------------

    def add(
        self, complaint_id: str, topic_id: int, cells: Sequence[str], *, counts: bool, at: float
    ) -> list[Alert]:
        """Add a complaint to the open alerts it belongs to.

        Parameters
        ----------
        complaint_id : str
            The complaint; a repeat (`counts` false) is warned of but not added.
        topic_id : int
            Its topic.
        cells : sequence of str
            Its cells, the most general first.
        counts : bool
            Whether it counts.
        at : float
            When.

        Returns
        -------
        list of Alert
            The most specific first.
        """
        found = [self.of_topic[topic_id]] if topic_id in self.of_topic else []
        found += [self.of_cell[cell] for cell in reversed(cells) if cell in self.of_cell]
        alerts = [self.alerts[surge_id] for surge_id in found if self.alerts[surge_id].is_open]
        if counts:
            for alert in alerts:
                self._extend(alert, complaint_id, at)
        return alerts

    def _extend(self, alert: Alert, complaint_id: str, at: float) -> None:
        """Add one complaint to an alert."""
        if complaint_id in alert.members[-200:]:
            return
        customers = self._customers_of(alert)
        customers.update(self.recent.customers([complaint_id]))
        alert.n_customers = max(alert.n_customers, len(customers))
        alert.observed += 1
        if len(alert.members) < _MAX_MEMBERS:
            alert.members.append(complaint_id)
        if alert.kind == "topic":
            alert.last_at = max(alert.last_at, at)

    def _customers_of(self, alert: Alert) -> set[str]:
        """Return who complained, as far as it is known."""
        customers = self._customers.get(alert.surge_id)
        if customers is None:
            customers = self._customers[alert.surge_id] = set(self.recent.customers(alert.members))
        return customers

    def relabel(self, complaint_id: str, left: Set[str], joined: Set[str]) -> None:
        """Move a complaint whose labels were corrected between the open alerts of cells."""
        for cell in left & self.of_cell.keys():
            alert = self.alerts[self.of_cell[cell]]
            if alert.is_open and complaint_id in alert.members:
                alert.members.remove(complaint_id)
                alert.observed -= 1
        for cell in joined & self.of_cell.keys():
            alert = self.alerts[self.of_cell[cell]]
            if alert.is_open and complaint_id not in alert.members:
                self._extend(alert, complaint_id, alert.last_at)

    def split(
        self, surge_id: str, topic_id: int, complaint_ids: Iterable[str], *, at: float, by: str
    ) -> Alert:
        """Give some members of a topic's alert an alert of their own."""
        source, chosen = self.alerts[surge_id], set(complaint_ids)
        moved = [i for i in source.members if i in chosen]
        source.members = [i for i in source.members if i not in chosen]
        share = len(moved) / max(source.observed, 1)
        source.observed -= len(moved)
        alert = self._open("topic", str(topic_id), moved, source.short_history, at)
        alert.since, alert.p_value, alert.weeks_between = (
            source.since,
            source.p_value,
            source.weeks_between,
        )
        alert.expected = source.expected * share
        alert.expected_low, alert.expected_high = (
            source.expected_low * share,
            source.expected_high * share,
        )
        alert.steps = [Step(at, alert.state, by, f"split from {surge_id}")]
        self.of_topic[topic_id] = alert.surge_id
        return alert

    def close_quiet(self, now: float) -> list[AlertEvent]:
        """Close alerts that nothing was added to for a while, wake the snoozed, forget the old."""
        events = []
        for alert in self.alerts.values():
            if alert.state == "snoozed" and now >= (alert.snoozed_until or now):
                alert.move("alert", at=now, by="machine", why="snooze is over")
            if alert.is_open and now - alert.last_at > _QUIET_DAYS[alert.kind] * DAY:
                alert.resolve(at=now, by="machine", why="quiet")
                events.append(AlertEvent("closed", alert))
        self._forget_old(now)
        return events

    def may_reopen(self, alert: Alert, now: float) -> bool:
        """Tell whether more of the same would still belong to a closed alert."""
        return alert.state == "resolved" and now - alert.last_at <= COOL_DOWN_DAYS * DAY

    def _forget_old(self, now: float) -> None:
        """Drop alerts that closed more than a year ago; the store keeps them."""
        old = {
            key
            for key, alert in self.alerts.items()
            if not alert.is_open and now - alert.last_at > _FORGET_DAYS * DAY
        }
        if old:
            self.alerts = {k: alert for k, alert in self.alerts.items() if k not in old}
            self.of_topic = {k: v for k, v in self.of_topic.items() if v not in old}
            self.of_cell = {k: v for k, v in self.of_cell.items() if v not in old}
            self._customers = {k: v for k, v in self._customers.items() if k not in old}

    def forget(self, complaint_id: str) -> None:
        """Take an erased complaint off all lists; counts stay."""
        for alert in self.alerts.values():
            for listed in (alert.members, alert.members_at_open):
                if complaint_id in listed:
                    listed.remove(complaint_id)
            alert.representatives = tuple(i for i in alert.representatives if i != complaint_id)

    def _last(self, surge_id: str | None) -> Alert | None:
        """Return an alert by id."""
        return None if surge_id is None else self.alerts.get(surge_id)

    # -- state ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "alerts": [alert.to_json() for alert in self.alerts.values()],
            "of_topic": list(self.of_topic.items()),
            "of_cell": self.of_cell,
            "customers": {key: sorted(names) for key, names in self._customers.items()},
            "n_opened": self._n_opened,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self.alerts = {row["surge_id"]: Alert.from_json(row) for row in state["alerts"]}
        self.of_topic = dict(state["of_topic"])
        self.of_cell = dict(state["of_cell"])
        self._customers = {key: set(names) for key, names in state["customers"].items()}
        self._n_opened = state["n_opened"]


def _is_rejected(known: Alert, score: CellScore, false_per_day: float) -> bool:
    """Tell whether a false alarm of this cell asks for more evidence than there is."""
    return known.state == "false_alarm" and score.false_per_day > false_per_day / 10


def _is_wider(cell: str, kind: Kind, key: str) -> bool:
    """Tell whether a cell contains another one; a topic is narrower than any cell."""
    if kind == "topic":
        return True
    outer = {part for part in cell.split("&") if part}
    return cell != key and outer < set(key.split("&"))
