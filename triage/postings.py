"""Which topics stand under each term: an inverted index whose lists are bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.packing import pack, unpack

IntArray = NDArray[np.intp]
FloatArray = NDArray[np.float32]


class Postings:
    """For each term the newest rows that were put under it.

    Parameters
    ----------
    n_terms, n_rows : int
        Numbers of terms and rows are below these. Tables have their full size from the start;
        what is not used yet takes no memory.
    width : int
        Rows under one term; the oldest gives way.

    Examples
    --------
    >>> postings = Postings(n_terms=9, n_rows=4, width=2)
    >>> terms = np.array([5])
    >>> for row in (1, 2, 3):
    ...     postings.put(terms, row)
    >>> sorted(postings.rows_of(terms, np.ones(1, np.float32), n_best=9).tolist())
    [2, 3]
    """

    def __init__(self, *, n_terms: int, n_rows: int, width: int) -> None:
        self.width = width
        self._rows: NDArray[np.int32] = np.zeros((n_terms, width), dtype=np.int32)
        self._n_put: NDArray[np.int32] = np.zeros(n_terms, dtype=np.int32)
        self._score: FloatArray = np.zeros(n_rows, dtype=np.float32)
        self._place: NDArray[np.int32] = np.zeros(n_rows, dtype=np.int32)
        self._order: NDArray[np.int32] = np.zeros(0, dtype=np.int32)

    def rows_of(self, terms: IntArray, weights: FloatArray, *, n_best: int) -> IntArray:
        """Return the rows under any of the terms.

        Parameters
        ----------
        terms : ndarray of int, shape (n_terms,)
            Numbers of terms.
        weights : ndarray of shape (n_terms,)
            What each of them is worth.
        n_best : int
            If there are more rows, those whose terms are worth most.

        Returns
        -------
        ndarray of int
            Each row once.
        """
        listed = self._rows[terms].ravel().astype(np.intp)
        if len(self._order) < len(listed):
            self._order = np.arange(len(listed), dtype=np.int32)
        order = self._order[: len(listed)]
        score, place = self._score, self._place
        np.add.at(score, listed, np.repeat(weights, self.width))
        place[listed] = order
        rows: IntArray = listed[(place[listed] == order) & (listed > 0)]
        worth = score[rows]
        score[listed] = 0.0
        if len(rows) > n_best:
            rows = rows[np.argpartition(worth, len(rows) - n_best)[len(rows) - n_best :]]
        return rows

    def put(self, terms: IntArray, row: int) -> None:
        """List a row under terms where it does not stand yet."""
        fresh = terms[~(self._rows[terms] == row).any(axis=1)]
        if len(fresh):
            n_put = self._n_put[fresh]
            self._rows[fresh, n_put % self.width] = row
            self._n_put[fresh] = n_put + 1

    def take_off(self, terms: IntArray, row: int) -> None:
        """Unlist a row."""
        found, column = np.nonzero(self._rows[terms] == row)
        self._rows[terms[found], column] = 0

    def renumber(self, mapping: IntArray) -> None:
        """Follow terms to their new numbers, which keep their order; forgotten ones' lists go."""
        kept = np.flatnonzero(mapping)
        for table in (self._rows, self._n_put):
            table[1 : len(kept) + 1] = table[kept]
            table[len(kept) + 1 : len(mapping)] = 0

    def state(self, n_terms: int) -> dict[str, Any]:
        """Return the lists of the terms below `n_terms` as plain JSON values."""
        rows = self._rows[:n_terms]
        filled = np.flatnonzero(rows)
        return {
            "n_put": pack(self._n_put[:n_terms]),
            "filled": pack(filled.astype(np.int32)),
            "rows": pack(rows.ravel()[filled]),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        n_put = unpack(state["n_put"])
        self._n_put[:] = 0
        self._n_put[: len(n_put)] = n_put
        self._rows = np.zeros_like(self._rows)
        self._rows.ravel()[unpack(state["filled"])] = unpack(state["rows"])
