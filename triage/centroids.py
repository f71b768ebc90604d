"""The weighted terms of many topics in two tables, so that a complaint meets all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.packing import pack, unpack

IntArray = NDArray[np.intp]
FloatArray = NDArray[np.float32]


class CentroidTable:
    """One bounded sparse vector a row; row 0 stays empty.

    Parameters
    ----------
    n_terms, n_rows : int
        Numbers of terms and rows are below these. Tables have their full size from the start;
        what is not used yet takes no memory.
    n_kept : int, default=96
        Terms that remain when a row is full.
    n_added : int, default=64
        Terms that are added to a row at once, at most.

    Examples
    --------
    >>> table = CentroidTable(n_terms=10, n_rows=2)
    >>> table.add(1, np.array([3, 4]), np.array([0.6, 0.8], dtype=np.float32))
    >>> round(float(table.cosines(np.array([1]), np.array([4]), np.ones(1, np.float32))[0]), 3)
    0.8
    """

    def __init__(self, *, n_terms: int, n_rows: int, n_kept: int = 96, n_added: int = 64) -> None:
        self.n_kept = n_kept
        self.width = n_kept + n_added
        self._terms: NDArray[np.int32] = np.zeros((n_rows, self.width), dtype=np.int32)
        self._weights: FloatArray = np.zeros((n_rows, self.width), dtype=np.float32)
        self._n_terms: NDArray[np.int32] = np.zeros(n_rows, dtype=np.int32)
        self._squared_norm: NDArray[np.float64] = np.zeros(n_rows)
        self._inverse_norm: FloatArray = np.zeros(n_rows, dtype=np.float32)
        self._dense: FloatArray = np.zeros(n_terms, dtype=np.float32)
        self._place: NDArray[np.int32] = np.zeros(n_terms, dtype=np.int32)
        self._columns = np.arange(1, self.width + 1, dtype=np.int32)

    def cosines(self, rows: IntArray, terms: IntArray, weights: FloatArray) -> FloatArray:
        """Return the cosine of some rows with one unit vector."""
        dense = self._dense
        dense[terms] = weights
        products = np.einsum(
            "ij,ij->i", dense.take(self._terms.take(rows, axis=0)), self._weights.take(rows, axis=0)
        )
        dense[terms] = 0.0
        found: FloatArray = products * self._inverse_norm[rows]
        return found

    def places_of(self, row: int, terms: IntArray) -> NDArray[np.int32]:
        """Return the columns of terms within a row, counted from 1; 0 for those it lacks."""
        place = self._place
        own = self._terms[row, : self._n_terms[row]]
        place[own] = self._columns[: len(own)]
        found: NDArray[np.int32] = place[terms]
        place[own] = 0
        return found

    def products(self, row: int, places: NDArray[np.int32], weights: FloatArray) -> FloatArray:
        """Return what terms, standing at these places, add to the dot product with a row."""
        found: FloatArray = self._weights[row].take(places - 1) * weights * (places > 0)
        return found

    def add(
        self,
        row: int,
        terms: IntArray,
        weights: FloatArray,
        *,
        places: NDArray[np.int32] | None = None,
    ) -> None:
        """Add a vector to a row; `places` of its terms need not be known."""
        n_terms = int(self._n_terms[row])
        if n_terms + len(terms) > self.width:
            self.trim(row)
            n_terms, places = int(self._n_terms[row]), None
        if not n_terms:
            self._write(row, terms, weights)
            return
        places = self.places_of(row, terms) if places is None else places
        known = places > 0
        columns, added, held = places[known] - 1, weights[known], self._weights[row]
        own = held[columns]
        held[columns] = own + added
        if len(added) < len(terms):
            is_new = ~known
            end = n_terms + len(terms) - len(added)
            self._terms[row, n_terms:end] = terms[is_new]
            held[n_terms:end] = weights[is_new]
            self._n_terms[row] = end
        gained = 2.0 * np.add.reduce(own * added) + np.add.reduce(weights * weights)
        self._set_norm(row, float(self._squared_norm[row] + gained))

    def trim(self, row: int, *, gain: float = 1.0) -> None:
        """Keep a row's strongest terms, divided by `gain`, and measure it anew."""
        n_terms = int(self._n_terms[row])
        weights = self._weights[row, :n_terms]
        if n_terms > self.n_kept:
            kept = np.sort(np.argpartition(weights, n_terms - self.n_kept)[-self.n_kept :])
        else:
            kept = np.arange(n_terms)
        self._write(row, self._terms[row, kept], weights[kept] / np.float32(gain))

    def scale(self, row: int, terms: IntArray, factor: float) -> None:
        """Multiply some terms of a row."""
        places = self.places_of(row, terms)
        self._weights[row, places[places > 0] - 1] *= np.float32(factor)
        self._measure(row)

    def merge(self, keep: int, gone: int, *, gain: float) -> None:
        """Add one row, times `gain`, to another, and keep the strongest terms."""
        terms, weights = self.vector(gone)
        for begin in range(0, len(terms), self.width - self.n_kept):
            part = slice(begin, begin + self.width - self.n_kept)
            self.add(keep, terms[part], weights[part] * np.float32(gain))
        self._measure(keep)

    def vector(self, row: int, *, n_terms: int | None = None) -> tuple[IntArray, FloatArray]:
        """Return a row's terms and weights, strongest first, at most `n_terms`."""
        n_held = int(self._n_terms[row])
        weights = self._weights[row, :n_held]
        order = np.argsort(-weights, kind="stable")[:n_terms]
        order = order[weights[order] > 0.0]
        return self._terms[row, order].astype(np.intp), weights[order]

    def n_terms_of(self, row: int) -> int:
        """Return how many terms a row holds."""
        return int(self._n_terms[row])

    def clear(self, row: int) -> IntArray:
        """Empty a row and return the terms it had."""
        terms = self._terms[row, : self._n_terms[row]].astype(np.intp)
        self._write(row, terms[:0], np.zeros(0, dtype=np.float32))
        return terms

    def used_terms(self) -> IntArray:
        """Return the terms that any row holds."""
        is_used = np.zeros(len(self._place), dtype=bool)
        for part in self._parts():
            is_used[self._terms[part]] = True
        used: IntArray = np.flatnonzero(is_used[1:]) + 1
        return used

    def renumber(self, mapping: IntArray) -> None:
        """Follow terms to their new numbers; forgotten ones weigh nothing from now on."""
        new_numbers = mapping.astype(np.int32)
        for part in self._parts():
            self._terms[part] = new_numbers[self._terms[part]]
            self._weights[part][self._terms[part] == 0] = 0.0
            squares = self._weights[part].astype(np.float64) ** 2
            self._squared_norm[part] = squares.sum(axis=1)
        self._inverse_norm = _inverse_root(self._squared_norm)

    def state(self, rows: IntArray) -> dict[str, Any]:
        """Return some rows as plain JSON values."""
        held = np.arange(self.width) < self._n_terms[rows][:, None]
        return {
            "n_terms": pack(self._n_terms[rows]),
            "squared_norms": pack(self._squared_norm[rows]),
            "terms": pack(self._terms[rows][held]),
            "weights": pack(self._weights[rows][held]),
        }

    def restore(self, rows: IntArray, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned for the same rows."""
        self._terms = np.zeros_like(self._terms)
        self._weights = np.zeros_like(self._weights)
        self._n_terms[:] = 0
        self._squared_norm[:] = 0.0
        self._n_terms[rows] = unpack(state["n_terms"])
        self._squared_norm[rows] = unpack(state["squared_norms"])
        self._inverse_norm = _inverse_root(self._squared_norm)
        held = np.arange(self.width) < self._n_terms[rows][:, None]
        for table, name in ((self._terms, "terms"), (self._weights, "weights")):
            filled = np.zeros(held.shape, dtype=table.dtype)
            filled[held] = unpack(state[name])
            table[rows] = filled

    def _parts(self) -> Iterator[slice]:
        """Cut the rows that hold anything into parts of moderate size."""
        n_rows = int(np.flatnonzero(self._n_terms).max(initial=0)) + 1
        for begin in range(0, n_rows, 4096):
            yield slice(begin, min(begin + 4096, n_rows))

    def _write(self, row: int, terms: NDArray[Any], weights: FloatArray) -> None:
        """Let a row hold these terms and nothing else."""
        n_before = int(self._n_terms[row])
        self._terms[row, :n_before] = 0
        self._weights[row, :n_before] = 0.0
        self._terms[row, : len(terms)] = terms
        self._weights[row, : len(terms)] = weights
        self._n_terms[row] = len(terms)
        self._measure(row)

    def _measure(self, row: int) -> None:
        """Set a row's squared norm from its weights."""
        weights = self._weights[row, : self._n_terms[row]].astype(np.float64)
        self._set_norm(row, float((weights * weights).sum()))

    def _set_norm(self, row: int, squared: float) -> None:
        """Note a row's length."""
        self._squared_norm[row] = squared
        self._inverse_norm[row] = squared**-0.5 if squared > 0.0 else 0.0


def _inverse_root(squared: NDArray[np.float64]) -> FloatArray:
    """Return 1 over the root of each value, 0 where there is none."""
    inverse = np.zeros(len(squared), dtype=np.float32)
    for place in np.flatnonzero(squared > 0.0).tolist():
        inverse[place] = float(squared[place]) ** -0.5
    return inverse
