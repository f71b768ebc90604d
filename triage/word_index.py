"""Words with what they stand for, all found in one scan of a text (Aho and Corasick 1975)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from ahocorasick_rs import AhoCorasick

Meaning = TypeVar("Meaning")


class WordIndex(Generic[Meaning]):
    """Words to look for; a word may stand for several things.

    Parameters
    ----------
    words : iterable of tuple of str and object
        Each word with what it stands for.

    Examples
    --------
    >>> index = WordIndex([("退款", "refund"), ("款", "money")])
    >>> index.find("要退款")
    [(1, 3, 'refund'), (2, 3, 'money')]
    """

    def __init__(self, words: Iterable[tuple[str, Meaning]]) -> None:
        meanings: dict[str, list[Meaning]] = {}
        for word, meaning in words:
            meanings.setdefault(word, []).append(meaning)
        self._meanings = tuple(meanings.values())
        self._words = AhoCorasick(list(meanings))

    def find(self, text: str) -> list[tuple[int, int, Meaning]]:
        """Find every word of the index, also inside longer ones.

        Parameters
        ----------
        text : str
            Where to look.

        Returns
        -------
        list of tuple of int, int and object
            The span ``[start, end)`` and what stands there, by the end, the longer first.
        """
        meanings = self._meanings
        return [
            (start, end, meaning)
            for word, start, end in self._words.find_matches_as_indexes(text, overlapping=True)
            for meaning in meanings[word]
        ]
