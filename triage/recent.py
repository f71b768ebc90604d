"""The newest complaints, as far as an alert needs them to explain itself."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from itertools import islice
from math import log
from operator import itemgetter
from typing import Any

from triage.alerts import Group
from triage.explanation import over_represented, tell_group

_N_BACKGROUND = 4_000


@dataclass(frozen=True, slots=True)
class RecentComplaint:
    """What is kept of a complaint: never its text, only its strongest terms."""

    at: float
    customer: str
    fields: Mapping[str, str]
    cells: tuple[str, ...]
    terms: tuple[str, ...]


class RecentComplaints:
    """The last complaints in order of arrival, at most `limit` of them.

    Parameters
    ----------
    limit : int, default=20_000
        The oldest goes when there are more.
    """

    def __init__(self, *, limit: int = 20_000) -> None:
        self.limit = limit
        self._known: OrderedDict[str, RecentComplaint] = OrderedDict()

    def put(self, complaint_id: str, complaint: RecentComplaint) -> None:
        """Remember a complaint."""
        self._known[complaint_id] = complaint
        if len(self._known) > self.limit:
            self._known.popitem(last=False)

    def forget(self, complaint_id: str) -> None:
        """Drop a complaint."""
        self._known.pop(complaint_id, None)

    def relabel(self, complaint_id: str, fields: Mapping[str, str], cells: tuple[str, ...]) -> None:
        """Give a complaint other fields, where it is still known."""
        known = self._known.get(complaint_id)
        if known is not None:
            self._known[complaint_id] = replace(known, fields=fields, cells=cells)

    def fade(self, complaint_id: str) -> None:
        """Drop the terms of a complaint, where it is still known."""
        known = self._known.get(complaint_id)
        if known is not None:
            self._known[complaint_id] = replace(known, terms=())

    def shared_fields(self, complaint_ids: Iterable[str], *, share: float = 0.8) -> dict[str, str]:
        """Return the values that most of some complaints have in common.

        Examples
        --------
        >>> recent = RecentComplaints()
        >>> recent.put("c1", RecentComplaint(0.0, "甲", {"region": "东", "unit": "一店"}, (), ()))
        >>> recent.put("c2", RecentComplaint(1.0, "乙", {"region": "东", "unit": "二店"}, (), ()))
        >>> recent.shared_fields(["c1", "c2"])
        {'region': '东'}
        """
        rows = [self._known[i].fields for i in complaint_ids if i in self._known]
        counts = Counter(item for row in rows for item in row.items())
        return {
            name: value for (name, value), n in sorted(counts.items()) if n >= share * len(rows)
        }

    def in_cell(self, key: str, *, since: float) -> list[str]:
        """List the complaints of a cell from a time on, oldest first."""
        found = []
        # A late arrival stands out of order, so a stretch of older ones ends the search.
        n_older = 0
        for complaint_id, complaint in reversed(self._known.items()):
            if complaint.at < since:
                n_older += 1
                if n_older > 200:
                    break
            elif key in complaint.cells:
                found.append(complaint_id)
        return found[::-1]

    def customers(self, complaint_ids: Iterable[str]) -> list[str]:
        """Return who sent the complaints that are still known."""
        return [self._known[i].customer for i in complaint_ids if i in self._known]

    def group(self, complaint_ids: Sequence[str]) -> Group:
        """Tell whom some complaints concern."""
        fields = [self._known[i].fields for i in complaint_ids if i in self._known]
        return tell_group(self.customers(complaint_ids), fields)

    def explain(self, complaint_ids: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Find the terms and the cells over-represented among some complaints.

        Returns
        -------
        terms, cells : tuple of str
            Strongest first, compared with the newest other complaints.
        """
        inside, outside = self._parted(complaint_ids)
        terms = over_represented(_count_terms(inside), _count_terms(outside))
        cells = over_represented(_count_cells(inside), _count_cells(outside), prior_total=10.0)
        return tuple(term for term, _ in terms), tuple(cell for cell, _ in cells)

    def telling_terms(self, complaint_ids: Iterable[str], n_terms: int = 24) -> dict[str, float]:
        """Return the terms that name some complaints best, with their weights.

        A term counts with the share of the complaints that have it times its inverse frequency
        among the others: also terms too new for a test of over-representation.
        """
        inside, outside = self._parted(complaint_ids)
        everywhere = _count_terms(outside)
        weights = {
            term: n / len(inside) * log((len(outside) + 1.0) / (everywhere[term] + 0.5))
            for term, n in _count_terms(inside).items()
        }
        return dict(nlargest(n_terms, weights.items(), key=itemgetter(1)))

    def _parted(
        self, complaint_ids: Iterable[str]
    ) -> tuple[list[RecentComplaint], list[RecentComplaint]]:
        """Return some complaints, and the newest others to compare them with."""
        chosen = dict.fromkeys(complaint_ids)
        inside = [self._known[key] for key in chosen if key in self._known]
        others = (entry for key, entry in reversed(self._known.items()) if key not in chosen)
        return inside, list(islice(others, _N_BACKGROUND))

    def represent(self, complaint_ids: Iterable[str], terms: Iterable[str]) -> tuple[str, ...]:
        """Choose up to four complaints of different customers that say most of the terms."""
        wanted = set(terms)
        ranked = sorted(
            (i for i in complaint_ids if i in self._known),
            key=lambda i: (-len(wanted.intersection(self._known[i].terms)), self._known[i].at),
        )
        by_customer = {self._known[i].customer: i for i in reversed(ranked)}
        chosen = set(by_customer.values())
        return tuple(i for i in ranked if i in chosen)[:4]

    def state(self) -> list[list[Any]]:
        """Return plain JSON values."""
        return [
            [key, c.at, c.customer, dict(c.fields), list(c.cells), list(c.terms)]
            for key, c in self._known.items()
        ]

    def restore(self, state: Iterable[Sequence[Any]]) -> None:
        """Take over what `state` returned."""
        self._known = OrderedDict(
            (key, RecentComplaint(at, customer, fields, tuple(cells), tuple(terms)))
            for key, at, customer, fields, cells, terms in state
        )


def _count_terms(complaints: Iterable[RecentComplaint]) -> Counter[str]:
    """Count in how many complaints each term is strong."""
    return Counter(term for complaint in complaints for term in complaint.terms)


def _count_cells(complaints: Iterable[RecentComplaint]) -> Counter[str]:
    """Count the complaints of each cell but the one of everything."""
    return Counter(cell for complaint in complaints for cell in complaint.cells if cell)
