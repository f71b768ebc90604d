"""Reminders: the same customer writing the same thing again counts once."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias
from zlib import crc32

DAY = 86_400.0

_Sent: TypeAlias = "tuple[float, str, array[int]]"


class RepeatFinder:
    """Link a complaint to an earlier one of the same customer that says the same.

    Parameters
    ----------
    within_days : float, default=30
        How far back a reminder reaches.
    least_overlap : float, default=0.5
        Share of the strongest terms that two texts must have in common.
    max_customers : int, default=100_000
        Customers remembered; the one silent longest goes first.

    Examples
    --------
    >>> finder = RepeatFinder()
    >>> finder.find("c1", "甲", ("电梯", "困人"), at=0.0) is None
    True
    >>> finder.find("c2", "甲", ("电梯", "困人"), at=60.0)
    'c1'
    >>> finder.find("c3", "乙", ("电梯", "困人"), at=90.0) is None
    True
    """

    n_terms = 12
    n_kept = 4

    def __init__(
        self,
        *,
        within_days: float = 30.0,
        least_overlap: float = 0.5,
        max_customers: int = 100_000,
    ) -> None:
        self.within_days = within_days
        self.least_overlap = least_overlap
        self.max_customers = max_customers
        self._recent: OrderedDict[str, list[_Sent]] = OrderedDict()

    def find(
        self, complaint_id: str, customer: str | None, terms: tuple[str, ...], *, at: float
    ) -> str | None:
        """Return the first complaint that this one repeats, and remember it otherwise.

        Parameters
        ----------
        complaint_id : str
            The new complaint.
        customer : str or None
            Who sent it; complaints without a customer repeat nothing.
        terms : tuple of str
            Its strongest terms.
        at : float
            Arrival, seconds since the epoch.

        Returns
        -------
        str or None
            Id of the earlier complaint.
        """
        if customer is None or not terms:
            return None
        strongest = _sums(terms[: self.n_terms])
        known = self._recent.pop(customer, [])
        limit = at - self.within_days * DAY
        known = [entry for entry in known if entry[0] >= limit]
        self._recent[customer] = known
        if len(self._recent) > self.max_customers:
            self._recent.popitem(last=False)
        for _, earlier_id, earlier in known:
            shared = len(set(strongest).intersection(earlier))
            if shared >= self.least_overlap * max(len(strongest), len(earlier)):
                return earlier_id
        known.append((at, complaint_id, strongest))
        del known[: -self.n_kept]
        return None

    def forget(self, complaint_id: str) -> None:
        """Drop what is kept of a complaint."""
        for entries in self._recent.values():
            entries[:] = [entry for entry in entries if entry[1] != complaint_id]

    def state(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            customer: [(at, complaint_id, list(sums)) for at, complaint_id, sums in entries]
            for customer, entries in self._recent.items()
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self._recent = OrderedDict(
            (customer, [(at, complaint_id, array("I", sums)) for at, complaint_id, sums in entries])
            for customer, entries in state.items()
        )


def _sums(terms: Iterable[str]) -> array[int]:
    """Shorten terms to checksums, a tenth of their size; the same in every process."""
    return array("I", [crc32(term.encode()) for term in terms])
