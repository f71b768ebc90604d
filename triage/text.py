"""Text as the classifiers see it, with the way back to the text as it was written.

The folded view has half-width letters, simplified characters and plain spaces. Nearly always it
keeps one character for one, so that offsets need no map and a whole batch is folded by one table
look-up; the few texts with characters that grow or vanish carry an offset map of their own.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from triage.privacy import find_personal_data, mask_spans

if TYPE_CHECKING:
    from opencc import OpenCC

BMP = 1 << 16
SPACE, REPLACEMENT = 0x20, 0xFFFD
ELLIPSIS = 0x2026
"""Kept as it is although NFKC makes three dots of it: it stands in every tenth complaint."""

MIN_TRADITIONAL_SHARE = 0.04
"""Share of characters that exist only in traditional script which makes a text traditional."""


@dataclass(frozen=True, slots=True)
class CleanText:
    """One text in both views.

    Attributes
    ----------
    text : str
        The masked text in its original script and width: what is stored and shown.
    folded : str
        The same in half width and simplified script: what is read by rules and classifiers.
    offsets : tuple of int, or None
        For each character of `folded`, and its end, the code point of `text` it came from;
        None where both run in step.
    is_traditional : bool
        Whether the text was written in traditional characters.
    """

    text: str
    folded: str
    offsets: tuple[int, ...] | None = None
    is_traditional: bool = False

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Give the span of `text` that a span of `folded` came from."""
        if self.offsets is None or end <= start:
            return (start, end) if self.offsets is None else (self.offsets[start],) * 2
        return self.offsets[start], max(self.offsets[end], self.offsets[end - 1] + 1)


@dataclass(frozen=True, slots=True)
class _Tables:
    fold: NDArray[np.uint32]
    traditional: NDArray[np.bool_]
    uneven: NDArray[np.bool_]


def normalize(text: str) -> str:
    """Give the folded view of one text, personal data masked.

    Examples
    --------
    >>> normalize("ＡＴＭ　吞卡，电话１３８００１３８０００")
    'ATM 吞卡,电话<手机号>'
    >>> normalize("電梯壞咗，管理處唔理")
    '电梯坏咗,管理处唔理'
    """
    return clean_texts([text])[0].folded


def clean_texts(texts: Sequence[str]) -> list[CleanText]:
    """Fold and mask a batch of texts.

    Parameters
    ----------
    texts : sequence of str, length n_texts

    Returns
    -------
    list of CleanText, length n_texts
        In the same order.

    Examples
    --------
    >>> clean = clean_texts(["找張先生要退款…"])[0]
    >>> clean.text, clean.folded, clean.is_traditional
    ('找<姓名>先生要退款…', '找<姓名>先生要退款…', False)
    """
    if not texts:
        return []
    tables = _tables()
    codes = _codes("".join(texts))
    folded = _decode(_look_up(tables.fold, codes))
    traditional = _marks(tables.traditional, codes)
    uneven = _marks(tables.uneven, codes)
    ends = list(accumulate(map(len, texts)))
    n_traditional = _count_per_text(traditional, ends)
    n_uneven = _count_per_text(uneven, ends)
    cleaned, start = [], 0
    for i, (text, end) in enumerate(zip(texts, ends, strict=True)):
        is_traditional = bool(
            n_traditional[i] >= 2 and n_traditional[i] >= MIN_TRADITIONAL_SHARE * (end - start)
        )
        if n_uneven[i] or is_traditional:
            cleaned.append(_clean_unevenly(text, is_traditional))
        else:
            cleaned.append(_clean_in_step(text, folded[start:end]))
        start = end
    return cleaned


def _clean_in_step(text: str, folded: str) -> CleanText:
    spans = find_personal_data(folded)
    if spans:
        text, folded = mask_spans(text, spans), mask_spans(folded, spans)
    if not text.isprintable():
        text = _without_surrogates(text)
    return CleanText(text=text, folded=folded)


def _clean_unevenly(text: str, is_traditional: bool) -> CleanText:
    folded, offsets = fold(text)
    spans = [
        (offsets[start], max(offsets[end], offsets[end - 1] + 1), kind)
        for start, end, kind in find_personal_data(folded)
    ]
    text = _without_surrogates(mask_spans(text, spans))
    folded, offsets = fold(text)
    if is_traditional:
        folded, offsets = _reword(text, folded, offsets)
    in_step = offsets == list(range(len(text) + 1))
    return CleanText(text, folded, None if in_step else tuple(offsets), is_traditional)


def fold(text: str) -> tuple[str, list[int]]:
    """Fold a text whose characters may grow or vanish.

    Combining marks join the character before, format characters vanish.
    """
    codes = _codes(text)
    plain = _decode(_look_up(_tables().fold, codes))
    pieces: list[str] = []
    offsets: list[int] = []
    done = 0
    for position in np.flatnonzero(_marks(_tables().uneven, codes)).tolist():
        if position < done:
            continue
        start, end = position, position + 1
        if unicodedata.combining(text[start]) and start > done:
            start -= 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        grown = _fold_one(text[start:end])
        pieces += plain[done:start], grown
        offsets += [*range(done, start), *[start] * len(grown)]
        done = end
    return "".join([*pieces, plain[done:]]), [*offsets, *range(done, len(text) + 1)]


def _fold_one(piece: str) -> str:
    """Fold one character with its combining marks."""
    visible = "".join(c for c in piece if unicodedata.category(c) not in ("Cf", "Mn", "Me"))
    if not visible:
        return ""
    composed = unicodedata.normalize("NFKC", piece if len(piece) > 1 else visible)
    codes = _codes("".join(c for c in composed if not unicodedata.combining(c)) or visible)
    return _decode(_look_up(_tables().fold, codes))


def _reword(text: str, folded: str, offsets: list[int]) -> tuple[str, list[int]]:
    """Turn Taiwan wording (軟體, 計程車) into the mainland's, and align what changed in length."""
    wording = fold(_opencc("tw2sp").convert(text))[0]
    if len(wording) == len(folded):
        return wording, offsets
    aligned: list[int] = []
    matcher = SequenceMatcher(a=folded, b=wording, autojunk=False)
    for _, a_start, a_end, b_start, b_end in matcher.get_opcodes():
        for k in range(b_end - b_start):
            aligned.append(offsets[min(a_start + k, max(a_end - 1, a_start))])
    return wording, [*aligned, offsets[-1]]


def _without_surrogates(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 file or answer can hold."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _decode(codes: NDArray[np.uint32]) -> str:
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le")


def _look_up(table: NDArray[np.uint32], codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return np.where(codes < BMP, table[codes & (BMP - 1)], codes)


def _marks(table: NDArray[np.bool_], codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    marks: NDArray[np.bool_] = table[codes & (BMP - 1)] & (codes < BMP)
    return marks


def _count_per_text(marks: NDArray[np.bool_], ends: Sequence[int]) -> NDArray[np.int64]:
    if not marks.any():
        return np.zeros(len(ends), dtype=np.int64)
    positions = np.flatnonzero(marks)
    return np.diff(np.searchsorted(positions, ends), prepend=0)


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    """Build the look-up tables: what each character of the basic plane folds to."""
    fold = np.arange(BMP, dtype=np.uint32)
    uneven = np.zeros(BMP, dtype=np.bool_)
    for code in range(BMP):
        character = chr(code)
        kind = unicodedata.category(character)
        if kind in ("Cc", "Zs", "Zl", "Zp"):
            fold[code] = SPACE
        elif kind == "Cs":
            fold[code] = REPLACEMENT
        elif kind == "Cf" or unicodedata.combining(character):
            uneven[code] = True
        elif code != ELLIPSIS:
            plain = unicodedata.normalize("NFKC", character)
            if len(plain) == 1 and ord(plain) < BMP:
                fold[code] = ord(plain)
            else:
                uneven[code] = plain != character
    traditional = _simplify(fold)
    return _Tables(fold=fold, traditional=traditional, uneven=uneven)


def _simplify(fold: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Fold traditional characters of the table in place; say which exist only there."""
    han = [chr(code) for code in range(0x3400, 0xA000)]
    simple = _opencc("t2s").convert("\n".join(han)).split("\n")
    traditional = np.zeros(BMP, dtype=np.bool_)
    to_simple = np.arange(BMP, dtype=np.uint32)
    for before, after in zip(han, simple, strict=True):
        if after != before and len(after) == 1 and ord(after) < BMP:
            traditional[ord(before)] = True
            to_simple[ord(before)] = ord(after)
    np.copyto(fold, to_simple[fold])
    return traditional


@lru_cache(maxsize=4)
def _opencc(config: str) -> "OpenCC":
    from opencc import OpenCC  # costs 30 ms, and most texts are simplified already

    return OpenCC(config)
