"""What two complaints are compared by: weighted terms of the title and the first lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import add

TermWeights = dict[str, float]

_GREETING = re.compile(
    r"^(?:尊敬的|敬爱的)?[一-鿿]{0,4}(?:书记|市长|领导|局长|客服|各位|部门)?[们]?[,,:：、]?\s*您?你?好[!！。,,]*"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_RUN = re.compile(r"[一-鿿]+|[A-Za-z]+0?|0")
_TITLE_END = re.compile(r"[。\n!！?？;；]")


def split_title(text: str, *, max_title_chars: int = 40) -> tuple[str, str]:
    """Split a complaint after its first sentence, which says most.

    Parameters
    ----------
    text : str
        The complaint.
    max_title_chars : int, default=40
        A first sentence longer than this is cut here.

    Returns
    -------
    title, body : str
        Together the whole text.

    Examples
    --------
    >>> split_title("电梯又坏了。已经三天没人修。")
    ('电梯又坏了。', '已经三天没人修。')
    """
    found = _TITLE_END.search(text, 0, max_title_chars)
    end = found.end() if found else min(len(text), max_title_chars)
    return text[:end], text[end:]


def bigram_terms(text: str, *, max_body_chars: int = 80, title_weight: float = 2.0) -> TermWeights:
    """Weigh the character bigrams of a Chinese complaint, and its Latin words whole.

    Greetings are dropped and every number becomes one sign, so that amounts, dates and phone
    numbers make no two complaints alike.

    Parameters
    ----------
    text : str
        Normalised complaint text.
    max_body_chars : int, default=80
        How much of the text after the title is read.
    title_weight : float, default=2.0
        Weight of a term in the title; a term of the body weighs 1.

    Returns
    -------
    dict of str to float
        At most `title_weight` plus 1 per term.

    Examples
    --------
    >>> bigram_terms("充电桩坏了")
    {'充电': 2.0, '电桩': 2.0, '桩坏': 2.0, '坏了': 2.0}
    """
    title, body = split_title(text)
    weights: TermWeights = {}
    for part, weight in ((title, title_weight), (_GREETING.sub("", body)[:max_body_chars], 1.0)):
        for term in dict.fromkeys(_bigrams(part)):
            weights[term] = weights.get(term, 0.0) + weight
    return weights


def word_terms(
    tokenize: Callable[[str], Sequence[str]],
    *,
    max_body_chars: int = 80,
    title_weight: float = 2.0,
) -> Callable[[str], TermWeights]:
    """Make a function like `bigram_terms` that weighs words instead.

    Parameters
    ----------
    tokenize : callable
        Gives the words of a text; the domain has no segmenter of its own.
    max_body_chars, title_weight
        As in `bigram_terms`.

    Returns
    -------
    callable
        From a text to its weighted terms.

    Examples
    --------
    >>> word_terms(str.split)("tower crane falls")
    {'tower': 2.0, 'crane': 2.0, 'falls': 2.0}
    """

    def weigh(text: str) -> TermWeights:
        title, body = split_title(text)
        weights: TermWeights = {}
        for part, weight in ((title, title_weight), (body[:max_body_chars], 1.0)):
            for term in dict.fromkeys(tokenize(_NUMBER.sub("0", part))):
                if term.strip():
                    weights[term] = weights.get(term, 0.0) + weight
        return weights

    return weigh


def _bigrams(text: str) -> Iterable[str]:
    """Give bigrams of Chinese runs in order; a Latin word or a number is one term."""
    found: list[str] = []
    for run in _RUN.findall(_NUMBER.sub("0", text)):
        if len(run) == 1 or run[0] < "一":
            found.append(run.lower())
        else:
            found += map(add, run, run[1:])
    return found
