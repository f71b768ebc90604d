"""Terms of complaints as early warning keeps them: keyed marks that only a text can explain.

Topics live for weeks, and the terms of a topic of one complaint would be most of its text. So the
state of early warning holds marks under the deployment's secret; words are told of an alert alone,
from the texts of several of its complaints, as long as these are kept.
"""

import hashlib
from binascii import b2a_base64
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from models.segmentation import Cut
from triage.topic_features import TermWeights

MARK_BYTES = 6
MAX_CACHED = 200_000
MAX_WORDS = 6
LEAST_SHARE = 0.25
"""Share of the texts that a word told of an alert stands in."""
LEAST_TEXTS = 2


@dataclass(slots=True)
class TermMarks:
    """Turns terms into marks; equal terms have equal marks under one secret.

    Examples
    --------
    >>> marks = TermMarks(b"0123456789abcdef")
    >>> marks.of_term("退款") == marks.of_term("退款"), len(marks.of_term("退款"))
    (True, 8)
    """

    secret: bytes = b""
    _known: dict[str, str] = field(default_factory=dict)

    def of_term(self, term: str) -> str:
        """Mark one term."""
        mark = self._known.get(term)
        if mark is None:
            if len(self._known) >= MAX_CACHED:
                self._known.clear()
            drawn = hashlib.blake2b(
                term.encode("utf-8", "surrogatepass"),
                key=self.secret[:64],
                digest_size=MARK_BYTES,
                person=b"surge-term",
            ).digest()
            mark = self._known[term] = b2a_base64(drawn, newline=False).decode()
        return mark

    def of_terms(self, terms: Mapping[str, float]) -> dict[str, float]:
        """Mark weighted terms, in their order."""
        of_term = self.of_term
        return {of_term(term): weight for term, weight in terms.items()}


@dataclass(frozen=True, slots=True)
class WordFinder:
    """Finds the words behind the marks of an alert.

    Parameters
    ----------
    marks : TermMarks
        Of the deployment.
    weigh : callable
        From a text to its weighted terms, as early warning weighs them.
    cut : callable
        From a text to its words.
    """

    marks: TermMarks
    weigh: Callable[[str], TermWeights]
    cut: Cut

    def words(self, wanted: Mapping[str, float], texts: Iterable[str]) -> tuple[str, ...]:
        """Tell what some marks stand for, in words that several of the texts share.

        Parameters
        ----------
        wanted : mapping of str to float
            Marks, and how telling each is.
        texts : iterable of str
            Folded texts of different complaints.

        Returns
        -------
        tuple of str
            At most six words, the most telling first; fewer where texts share fewer, none where
            no text is left.
        """
        shared: Counter[str] = Counter()
        scores: dict[str, float] = {}
        n_texts = 0
        for text in texts:
            n_texts += 1
            telling = {
                term: wanted[mark]
                for term in self.weigh(text)
                if (mark := self.marks.of_term(term)) in wanted
            }
            for word in set(filter(_is_word, self.cut(text))):
                score = sum(value for term, value in telling.items() if _holds(word, term))
                if score:
                    shared[word] += 1
                    scores[word] = scores.get(word, 0.0) + score
        least = max(LEAST_TEXTS, LEAST_SHARE * n_texts)
        found = [word for word, n in shared.items() if n >= least]
        return tuple(sorted(found, key=lambda word: (-scores[word], word))[:MAX_WORDS])


def _is_word(word: str) -> bool:
    return len(word) >= 2 and word.isalpha()


def _holds(word: str, term: str) -> bool:
    return term in word or word in term
