"""Counts per cell: everything, a field's value, or a pair of values, by hour and by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.packing import pack, unpack

EVERYTHING = ""
OTHER = "…"
"""Stands for all values of a field beyond the cap."""

_JOINERS = str.maketrans({"&": "＆", "=": "＝"})
"""The two signs that a cell's name is built with, in a form that values may hold."""

N_HOURS = 24 * 98
N_DAYS = 1280


def cell_keys(fields: Mapping[str, str], pairs: Iterable[tuple[str, str]] = ()) -> list[str]:
    """Name the cells that a complaint counts in, the most general first.

    Examples
    --------
    >>> cell_keys({"region": "A7", "category": "quality"}, [("category", "region")])
    ['', 'category=quality', 'region=A7', 'category=quality&region=A7']
    """
    parts = {name: f"{name}={value.translate(_JOINERS)}" for name, value in fields.items()}
    keys = [EVERYTHING, *(parts[name] for name in sorted(parts))]
    keys += [f"{parts[a]}&{parts[b]}" for a, b in pairs if a in parts and b in parts]
    return keys


class CellTable:
    """Counts of every cell over the last 98 days by hour and over 1280 days by day.

    Parameters
    ----------
    max_values : int, default=500
        Values per field that get a cell of their own; later ones share one cell, and
        `capped_fields` says so.

    Examples
    --------
    >>> table = CellTable()
    >>> table.add(["", "region=A7"], hour=1000)
    >>> table.hours("region=A7", last_hour=1000, n_hours=3).tolist()
    [0, 0, 1]
    """

    def __init__(self, *, max_values: int = 500) -> None:
        self.max_values = max_values
        self.rows: dict[str, int] = {}
        self.groups: dict[str, list[int]] = {}
        self.capped_fields: set[str] = set()
        self.first_hour: int | None = None
        self.last_hour = 0
        self._hourly: NDArray[np.int32] = np.zeros((16, N_HOURS), dtype=np.int32)
        self._daily: NDArray[np.int32] = np.zeros((16, N_DAYS), dtype=np.int32)

    def add(self, keys: Sequence[str], *, hour: int, n: int = 1) -> None:
        """Count a complaint in its cells; hours too old for a table are left alone.

        Parameters
        ----------
        keys : sequence of str
            From `cell_keys`.
        hour : int
            Local hours since the epoch; late arrivals go where they belong.
        n : int, default=1
            -1 takes a complaint back, after a label was corrected.
        """
        self.advance(hour)
        for key in keys:
            row = self.row_of(key)
            if hour > self.last_hour - N_HOURS:
                self._hourly[row, hour % N_HOURS] += n
            if hour // 24 > self.last_hour // 24 - N_DAYS:
                self._daily[row, hour // 24 % N_DAYS] += n

    def advance(self, hour: int) -> None:
        """Move the newest hour on, and empty what it takes the place of."""
        if self.first_hour is None:
            self.first_hour = self.last_hour = hour
        self.first_hour = min(self.first_hour, hour)
        if hour <= self.last_hour:
            return
        _clear(self._hourly, self.last_hour + 1, hour)
        _clear(self._daily, self.last_hour // 24 + 1, hour // 24)
        self.last_hour = hour

    def set_back(self, hour: int) -> None:
        """Take the newest hour back; what was counted after it is dropped."""
        if hour < self.last_hour:
            _clear(self._hourly, hour + 1, self.last_hour)
            _clear(self._daily, hour // 24 + 1, self.last_hour // 24)
            self.last_hour = hour
            self.first_hour = min(self.first_hour or hour, hour)

    def row_of(self, key: str) -> int:
        """Return the row of a cell, a new one if it is seen first and its field is not full."""
        row = self.rows.get(key)
        if row is not None:
            return row
        group = _group_of(key)
        members = self.groups.setdefault(group, [])
        if len(members) >= self.max_values:
            self.capped_fields.add(group)
            return self._other(group, members)
        return self._new_row(key, members)

    def hours(self, key: str, *, last_hour: int, n_hours: int) -> NDArray[np.int32]:
        """Return a cell's last hours, oldest first."""
        row = self.matrix([self.row_of(key)], last_hour=last_hour, n_hours=n_hours)
        return row.reshape(-1)

    def matrix(self, rows: Sequence[int], *, last_hour: int, n_hours: int) -> NDArray[np.int32]:
        """Return the last hours of several rows, oldest first, shape (n_rows, n_hours)."""
        columns = np.arange(last_hour - n_hours + 1, last_hour + 1) % N_HOURS
        chosen: NDArray[np.int32] = self._hourly[np.ix_(np.asarray(rows, np.intp), columns)]
        return chosen

    def days(self, rows: Sequence[int], *, last_day: int, n_days: int) -> NDArray[np.int32]:
        """Return the last days of several rows, oldest first, shape (n_rows, n_days)."""
        columns = np.arange(last_day - n_days + 1, last_day + 1) % N_DAYS
        chosen: NDArray[np.int32] = self._daily[np.ix_(np.asarray(rows, np.intp), columns)]
        return chosen

    def state(self) -> dict[str, Any]:
        """Return everything as plain JSON values; zeros are left out."""
        n_rows = len(self.rows)
        return {
            "rows": self.rows,
            "groups": self.groups,
            "capped_fields": sorted(self.capped_fields),
            "first_hour": self.first_hour,
            "last_hour": self.last_hour,
            "hourly": _sparse(self._hourly[:n_rows]),
            "daily": _sparse(self._daily[:n_rows]),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self.rows = dict(state["rows"])
        self.groups = {name: list(rows) for name, rows in state["groups"].items()}
        self.capped_fields = set(state["capped_fields"])
        self.first_hour, self.last_hour = state["first_hour"], state["last_hour"]
        n_rows = max(len(self.rows), 16)
        self._hourly = _dense(state["hourly"], n_rows, N_HOURS)
        self._daily = _dense(state["daily"], n_rows, N_DAYS)

    def _other(self, group: str, members: list[int]) -> int:
        """Return the row that all values beyond the cap share."""
        key = "&".join(f"{name}={OTHER}" for name in group.split("&"))
        row = self.rows.get(key)
        return self._new_row(key, members) if row is None else row

    def _new_row(self, key: str, members: list[int]) -> int:
        """Open an empty row."""
        row = self.rows[key] = len(self.rows)
        members.append(row)
        if row >= len(self._hourly):
            self._hourly = np.concatenate([self._hourly, np.zeros_like(self._hourly)])
            self._daily = np.concatenate([self._daily, np.zeros_like(self._daily)])
        return row


def _group_of(key: str) -> str:
    """Return the names of a cell's fields without the values."""
    return "&".join(part.partition("=")[0] for part in key.split("&")) if key else ""


def _clear(table: NDArray[np.int32], first: int, last: int) -> None:
    """Empty the columns from `first` to `last` of a circular table."""
    width = table.shape[1]
    if last - first + 1 >= width:
        table[:] = 0
    elif last >= first:
        table[:, np.arange(first, last + 1) % width] = 0


def _sparse(table: NDArray[np.int32]) -> dict[str, Any]:
    """Return places and counts of the entries that are not 0."""
    flat = np.ascontiguousarray(table).ravel()
    places = np.flatnonzero(flat)
    return {"places": pack(places.astype(np.int32)), "counts": pack(flat[places])}


def _dense(entries: Mapping[str, Any], n_rows: int, width: int) -> NDArray[np.int32]:
    """Undo `_sparse`."""
    table = np.zeros((n_rows, width), dtype=np.int32)
    table.ravel()[unpack(entries["places"])] = unpack(entries["counts"])
    return table
