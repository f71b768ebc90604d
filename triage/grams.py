"""Which of many short strings stand in which texts, found for a whole batch in arrays."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_BITS = 18
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class GramIndex:
    """Looks for a fixed set of single characters and pairs of characters.

    A pair is one number, a multiplicative hash of which is its place in a table; what the table
    says is compared with the pair itself, so that nothing is found by accident.

    Parameters
    ----------
    grams : iterable of str
        Strings of one or two characters.

    Examples
    --------
    >>> GramIndex(["退", "煤气", "着火"]).present(["煤气味", "退款", "你好"])
    [{'煤气'}, {'退'}, set()]
    """

    def __init__(self, grams: Iterable[str]) -> None:
        self.grams = tuple(dict.fromkeys(g for g in grams if g))
        keys = np.array([_key(gram) for gram in self.grams], dtype=np.uint64)
        self._keys = keys
        self._table: NDArray[np.int32] = np.full(1 << _BITS, -1, dtype=np.int32)
        self._crowded: dict[int, list[int]] = {}
        for number, place in enumerate(_places(keys).tolist()):
            if self._table[place] < 0:
                self._table[place] = number
            else:  # two of ours in one place: the later ones are looked for one by one
                self._crowded.setdefault(place, []).append(number)

    def present(self, texts: Sequence[str]) -> list[set[str]]:
        """Give, for each text, those of the strings that stand in it."""
        found: list[set[str]] = [set() for _ in texts]
        joined = "\n".join(text.replace("\n", " ") for text in texts)
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(
            np.uint64
        )
        text_of = np.cumsum(codes == ord("\n"))
        pairs = (codes[:-1] << np.uint64(32)) | codes[1:]
        for keys in (codes, pairs):
            places = _places(keys)
            numbers = self._table[places]
            hits = np.flatnonzero(numbers >= 0)
            exact = hits[self._keys[numbers[hits]] == keys[hits]]
            for text, number in zip(text_of[exact].tolist(), numbers[exact].tolist(), strict=True):
                found[text].add(self.grams[number])
        for numbers_here in self._crowded.values():
            for number in numbers_here:
                for text, here in zip(texts, found, strict=True):
                    if self.grams[number] in text:
                        here.add(self.grams[number])
        return found


def _key(gram: str) -> int:
    return ord(gram) if len(gram) == 1 else ord(gram[0]) << 32 | ord(gram[1])


def _places(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    return ((keys * _MULTIPLIER) >> np.uint64(64 - _BITS)).astype(np.int64)
