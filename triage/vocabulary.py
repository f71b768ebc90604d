"""Terms as numbers, and how many recent texts hold each: the vocabulary of the topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.packing import pack, unpack

IntArray = NDArray[np.intp]
FloatArray = NDArray[np.float64]

_LEAST_COUNT = 0.75
"""A term that fewer texts hold, after halving, is forgotten."""

_KEPT_SHARE = 0.6
"""Share of the most terms allowed that ageing leaves at most."""


class Vocabulary:
    """Numbers for terms from 1 on; 0 stands for no term.

    Parameters
    ----------
    max_terms : int, default=400_000
        When there are more, `age` has to make room.

    Examples
    --------
    >>> vocabulary = Vocabulary()
    >>> vocabulary.numbers_of(["电梯", "困人", "电梯"]).tolist()
    [1, 2, 1]
    """

    def __init__(self, *, max_terms: int = 400_000) -> None:
        self.max_terms = max_terms
        self.n_texts = 0.0
        self._names = [""]
        self._numbers: dict[str, int] = {}
        self._counts: FloatArray = np.zeros(1024)

    def __len__(self) -> int:
        """Return how many numbers are in use, 0 among them."""
        return len(self._names)

    def numbers_of(self, terms: Iterable[str]) -> IntArray:
        """Return the numbers of terms, new ones for those not seen before."""
        known = self._numbers.get
        terms = list(terms)
        numbers = [known(term, 0) for term in terms]
        if 0 in numbers:
            numbers = [
                number or self._number(term) for term, number in zip(terms, numbers, strict=True)
            ]
        return np.array(numbers, dtype=np.intp)

    def names_of(self, numbers: IntArray) -> tuple[str, ...]:
        """Return the terms of some numbers."""
        names = self._names
        return tuple([names[number] for number in numbers.tolist()])

    def idf(self, numbers: IntArray) -> FloatArray:
        """Return how telling each term is: high where few of the texts so far hold it."""
        weight: FloatArray = np.log1p((self.n_texts + 1.0) / (self._counts[numbers] + 0.5))
        return weight

    def learn(self, numbers: IntArray) -> None:
        """Count a text with these terms, each once."""
        self._counts[numbers] += 1.0
        self.n_texts += 1.0

    def age(self, used: IntArray) -> IntArray:
        """Halve all counts and forget what hardly any text holds.

        Parameters
        ----------
        used : ndarray of int
            Numbers that stay as long as there is room, however few texts hold them.

        Returns
        -------
        ndarray of int, shape (n_numbers,)
            From the numbers so far to the new ones, 0 for terms that are forgotten.
        """
        counts = self._counts[: len(self._names)] / 2.0
        counts[0] = 0.0
        n_most = int(_KEPT_SHARE * self.max_terms)
        stays = counts >= _LEAST_COUNT
        stays[used] = True
        stays[0] = False
        kept = np.flatnonzero(stays)
        if len(kept) > n_most:  # those in most texts stay, and of equals the newest
            kept = np.sort(kept[np.lexsort((kept, counts[kept]))[-n_most:]])
        mapping = np.zeros(len(self._names), dtype=np.intp)
        mapping[kept] = np.arange(1, len(kept) + 1)
        self._names = ["", *(self._names[number] for number in kept.tolist())]
        self._numbers = {name: number for number, name in enumerate(self._names) if number}
        self._counts = np.concatenate([[0.0], counts[kept], np.zeros(1024)])
        self.n_texts /= 2.0
        return mapping

    def state(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "n_texts": self.n_texts,
            "terms": self._names[1:],
            "counts": pack(self._counts[: len(self._names)]),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        terms: Sequence[str] = state["terms"]
        self.n_texts = state["n_texts"]
        self._names = ["", *terms]
        self._numbers = {name: number for number, name in enumerate(self._names) if number}
        self._counts = np.concatenate([unpack(state["counts"]), np.zeros(1024)])

    def _number(self, term: str) -> int:
        """Give a term a number, unless it has got one since."""
        number = self._numbers.setdefault(term, len(self._names))
        if number == len(self._names):
            self._names.append(term)
            if number >= len(self._counts):
                self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        return number
