"""Hashed n-grams of words and characters, computed in arrays over a whole batch.

There is no vocabulary of strings: an n-gram is a 64-bit polynomial hash of its characters, taken
from one prefix sum, and its slot in a table of 2**20. Evidence comes from the text's own terms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix, hstack

from models.segmentation import Cut, lower, word_bounds

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

BASE = 0x9E3779B97F4A7C15 | 1
MASK_64 = (1 << 64) - 1
BASE_INVERSE = pow(BASE, -1, 1 << 64)
MIX = np.uint64(0xBF58476D1CE4E5B9)
MIX_PAIR = np.uint64(0x94D049BB133111EB)
TEXT_BREAK = 0x0A
MAX_TITLE_CHARS = 40

STYLE_FEATURES = (
    "log_length",
    "very_short",
    "short",
    "long",
    "exclamations",
    "questions",
    "digits",
    "latin",
    "commas",
    "full_stops",
    "has_title",
    "ellipsis",
    "no_punctuation",
    "quotes",
    "amounts",
)
"""The interpretable features, each between 0 and 1."""


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """How texts become numbers.

    Parameters
    ----------
    word_ngrams, char_ngrams : int
        Longest n-gram of words (1 or 2) and of characters (0 leaves characters out).
    slot_bits : int
        The hash table has ``2 ** slot_bits`` slots.
    min_texts : int
        An n-gram found in fewer texts of the training data is dropped.
    title_weight : float
        How much more an occurrence in the title counts (the first sentence of at most 40
        characters, where more follows).
    style_weight : float
        Scale of the interpretable features beside the two groups of n-grams, which have length 1.
    """

    word_ngrams: int = 2
    char_ngrams: int = 4
    slot_bits: int = 20
    min_texts: int = 2
    title_weight: float = 2.0
    style_weight: float = 0.15
    char_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Ngrams:
    """All n-grams of one kind in a joined batch: where each stands, and its slot."""

    starts: Ints
    ends: Ints
    slots: Ints


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Every n-gram of a batch of texts that were joined by line breaks.

    Attributes
    ----------
    codes : ndarray of shape (n_characters,), dtype uint32
    text_of : ndarray of shape (n_characters,)
        The text that each character belongs to.
    text_starts, title_ends : ndarray of shape (n_texts,)
        Where each text and its title lie; a text without a title has `title_ends` at its start.
    word_starts, word_ends : ndarray of shape (n_words,)
    kinds : tuple of Ngrams
        Words, pairs of words, then characters by length.
    style : ndarray of shape (n_texts, n_style), dtype float32
    """

    codes: NDArray[np.uint32]
    text_of: Ints
    text_starts: Ints
    title_ends: Ints
    word_starts: Ints
    word_ends: Ints
    kinds: tuple[Ngrams, ...]
    style: Floats

    @property
    def n_texts(self) -> int:
        """Number of texts in the batch."""
        return len(self.text_starts)


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """The n-grams that a model knows: which slot is which row, and how rare each is.

    Attributes
    ----------
    rows : ndarray of shape (2 ** slot_bits,), dtype int32
        Row of each slot, -1 for an n-gram that is not known.
    idf : ndarray of shape (n_rows,), dtype float32
        Inverse document frequency; a negative sign marks a character n-gram.
    """

    config: FeatureConfig
    rows: NDArray[np.int32]
    idf: Floats

    @property
    def n_features(self) -> int:
        """Known n-grams and style features together."""
        return len(self.idf) + len(STYLE_FEATURES)

    @classmethod
    def learn(cls, occurrences: Occurrences, config: FeatureConfig) -> "FeatureSpace":
        """Keep the n-grams of enough texts and count how rare they are."""
        keys = np.concatenate(
            [
                np.unique(occurrences.text_of[kind.starts] << config.slot_bits | kind.slots)
                for kind in occurrences.kinds
            ]
        )
        keys = np.unique(keys)
        slots, n_texts = np.unique(keys & ((1 << config.slot_bits) - 1), return_counts=True)
        kept = n_texts >= config.min_texts
        slots, n_texts = slots[kept], n_texts[kept]
        rows = np.full(1 << config.slot_bits, -1, dtype=np.int32)
        rows[slots] = np.arange(len(slots), dtype=np.int32)
        idf = np.log((1 + occurrences.n_texts) / (1 + n_texts)) + 1
        is_word = (slots & 1).astype(bool)
        return cls(config, rows, np.where(is_word, idf, -idf).astype(np.float32))


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """A batch in a feature space.

    Attributes
    ----------
    ngrams : csr_array of shape (n_texts, n_rows), dtype float32
        Weighted n-grams.
    style : ndarray of shape (n_texts, n_style), dtype float32
        The interpretable features, scaled.
    scales : ndarray of shape (2, n_texts)
        By what word and character values of a text were multiplied to give length 1.
    starts, ends, rows : ndarray of shape (n_known,)
        The occurrences of known n-grams and their rows.
    """

    ngrams: csr_array
    style: Floats
    scales: Floats
    starts: Ints
    ends: Ints
    rows: NDArray[np.int32]

    @property
    def matrix(self) -> csr_matrix:
        """All features in one matrix of shape (n_texts, n_features), style last."""
        whole = csr_matrix(hstack([self.ngrams, csr_array(self.style)], format="csr"))
        whole.indices, whole.indptr = whole.indices.astype(np.int32), whole.indptr.astype(np.int32)
        return whole

    def scores(self, weights: Floats) -> Floats:
        """Multiply with weights of shape (n_features, n_labels)."""
        n_rows = self.ngrams.shape[1]
        scores: Floats = self.ngrams @ weights[:n_rows] + self.style @ weights[n_rows:]
        return scores


def find_occurrences(folded: Sequence[str], cut: Cut, config: FeatureConfig) -> Occurrences:
    """Find all n-grams of a batch of folded texts.

    Parameters
    ----------
    folded : sequence of str, length n_texts
        Folded views (see `triage.text`).
    cut : callable
        From `models.segmentation.load_cut`.
    config : FeatureConfig

    Returns
    -------
    Occurrences
    """
    joined = "\n".join(text.replace("\n", " ") for text in folded)
    codes = lower(np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32))
    breaks = np.flatnonzero(codes == TEXT_BREAK)
    text_starts = np.concatenate([[0], breaks + 1]).astype(np.int64)
    text_ends = np.append(breaks, len(codes))
    text_of = np.repeat(np.arange(len(folded)), text_ends - text_starts + 1)[: len(codes)]
    word_starts, word_ends = word_bounds(codes, cut)
    title_ends = _title_ends(codes, text_starts, text_ends)
    kinds = (
        *_word_ngrams(codes, word_starts, word_ends, text_of, config),
        *_char_ngrams(codes, config),
    )
    style = _style(codes, text_starts, text_ends, title_ends > text_starts)
    return Occurrences(
        codes, text_of, text_starts, title_ends, word_starts, word_ends, kinds, style
    )


def to_matrix(occurrences: Occurrences, space: FeatureSpace) -> FeatureMatrix:
    """Give the weighted, length-normalised features of a batch.

    Word n-grams and character n-grams are each scaled to length 1, so that neither drowns the
    other; a repeated n-gram counts with the logarithm of its number (Salton and Buckley 1988).
    """
    n_texts = occurrences.n_texts
    starts, ends, rows = _known(occurrences, space)
    texts, columns, counts = _count(occurrences, starts, ends, rows, space)
    idf = space.idf.take(columns)
    values = (1 + np.log(counts)) * np.abs(idf)
    groups = (idf < 0) * n_texts + texts
    squares = np.bincount(groups, values * values, minlength=2 * n_texts)
    lengths = np.maximum(np.sqrt(squares).reshape(2, n_texts), 1e-9)
    scales: Floats = (np.array([[1.0], [space.config.char_weight]]) / lengths).astype(np.float32)
    values = (values * scales.take(groups)).astype(np.float32)
    indptr = np.zeros(n_texts + 1, dtype=np.int32)
    np.cumsum(np.bincount(texts, minlength=n_texts), out=indptr[1:])
    ngrams = csr_array((values, columns, indptr), shape=(n_texts, len(space.idf)))
    style = occurrences.style * np.float32(space.config.style_weight)
    return FeatureMatrix(ngrams, style, scales, starts, ends, rows)


def _known(occurrences: Occurrences, space: FeatureSpace) -> tuple[Ints, Ints, NDArray[np.int32]]:
    starts, ends, rows = [], [], []
    for kind in occurrences.kinds:
        found = space.rows.take(kind.slots)
        known = np.flatnonzero(found >= 0)
        starts.append(kind.starts[known])
        ends.append(kind.ends[known])
        rows.append(found[known])
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(rows)


def _count(
    occurrences: Occurrences,
    starts: Ints,
    ends: Ints,
    rows: NDArray[np.int32],
    space: FeatureSpace,
) -> tuple[Ints, NDArray[np.int32], Floats]:
    """Count each n-gram of each text, occurrences in the title with their weight.

    Returns
    -------
    texts, columns, counts
        In order of texts; those of one text in order of their last occurrence.
    """
    texts = occurrences.text_of.take(starts)
    in_title = ends <= occurrences.title_ends.take(texts)
    weights = np.where(in_title, space.config.title_weight, 1.0)
    counts = np.bincount(_last_like(texts * len(space.idf) + rows), weights, len(rows))
    found = np.flatnonzero(counts)
    found = found[np.argsort(texts[found].astype(np.int16), kind="stable")]
    return texts[found], rows[found], counts[found].astype(np.float32)


def _last_like(keys: Ints) -> Ints:
    """Give for each key the last place where it stands, by hashing, which is quicker than sorting.

    Examples
    --------
    >>> _last_like(np.array([7, 5, 7, 7, 9])).tolist()
    [3, 1, 3, 3, 4]
    """
    places = np.arange(len(keys))
    bits = max(8, (4 * len(keys)).bit_length())
    slots = (keys.view(np.uint64) * MIX) >> np.uint64(64 - bits)
    table = np.empty(1 << bits, dtype=np.int64)
    table[slots] = places
    last: Ints = table[slots]
    crowded = np.flatnonzero(keys[last] != keys)  # another key was written to their slot later
    if len(crowded):
        _, found = np.unique(keys[crowded], return_inverse=True)
        ends = np.zeros(len(crowded), dtype=np.int64)
        np.maximum.at(ends, found, crowded)
        last[crowded] = ends[found]
    return last


def _word_ngrams(
    codes: NDArray[np.uint32], starts: Ints, ends: Ints, text_of: Ints, config: FeatureConfig
) -> list[Ngrams]:
    prefix, inverse = _prefix_hashes(_shapes(codes, keep_punctuation=False))
    hashes = (prefix[ends] - prefix[starts]) * inverse[starts]
    found = [Ngrams(starts, ends, _slots(hashes, 1, config, is_word=True))]
    if config.word_ngrams >= 2 and len(starts) > 1:
        together = text_of[starts[:-1]] == text_of[starts[1:]]
        pairs = (hashes[:-1] * MIX_PAIR + hashes[1:])[together]
        slots = _slots(pairs, 2, config, is_word=True)
        found.append(Ngrams(starts[:-1][together], ends[1:][together], slots))
    return found


def _char_ngrams(codes: NDArray[np.uint32], config: FeatureConfig) -> list[Ngrams]:
    shapes = _shapes(codes, keep_punctuation=True)
    prefix, inverse = _prefix_hashes(shapes)
    hidden = (shapes == 0x20) | (shapes == TEXT_BREAK)
    touches_hidden = np.zeros(len(codes), dtype=bool)
    positions = np.arange(len(codes))
    found = []
    for n in range(1, min(config.char_ngrams, len(codes)) + 1):
        n_starts = len(codes) - n + 1
        touches_hidden = touches_hidden[:n_starts] | hidden[n - 1 :]
        hashes = (prefix[n:] - prefix[:-n]) * inverse[:n_starts]
        slots = _slots(hashes, n + 2, config, is_word=False)
        starts = positions[:n_starts][~touches_hidden]
        found.append(Ngrams(starts, starts + n, slots[~touches_hidden]))
    return found


def _shapes(codes: NDArray[np.uint32], *, keep_punctuation: bool) -> NDArray[np.uint32]:
    """Make all digits one digit and all marks but ! and ? one mark."""
    table = _shape_table(keep_punctuation)
    return np.where(codes < len(table), table[codes & 0xFFFF], codes)


@lru_cache(maxsize=2)
def _shape_table(keep_punctuation: bool) -> NDArray[np.uint32]:
    table = np.arange(1 << 16, dtype=np.uint32)
    table[ord("0") : ord("9") + 1] = ord("0")
    if keep_punctuation:
        for code in range(0x21, 0x10000):
            if code < 0x3400 and not chr(code).isalnum() and chr(code) not in "!?<>":
                table[code] = ord(",")
    return table


def _prefix_hashes(shapes: NDArray[np.uint32]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Give prefix sums S and powers of B^-1 so that a span's hash is (S[end]-S[start])·B^-start."""
    powers, inverse = _powers(1 << max(10, (len(shapes) + 1).bit_length()))
    mixed = (shapes.astype(np.uint64) + np.uint64(1)) * MIX
    mixed ^= mixed >> np.uint64(29)
    prefix = np.zeros(len(shapes) + 1, dtype=np.uint64)
    np.cumsum(mixed * powers[: len(shapes)], out=prefix[1:])
    return prefix, inverse


@lru_cache(maxsize=1)
def _powers(n: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    up = np.full(n, BASE & MASK_64, dtype=np.uint64)
    down = np.full(n, BASE_INVERSE, dtype=np.uint64)
    up[0] = down[0] = 1
    return np.cumprod(up, dtype=np.uint64), np.cumprod(down, dtype=np.uint64)


def _slots(hashes: NDArray[np.uint64], kind: int, config: FeatureConfig, *, is_word: bool) -> Ints:
    """Give the slot of each hash; its lowest bit tells words (1) from characters (0)."""
    mixed = (hashes + np.uint64(kind * 0x51ED270B)) * MIX_PAIR
    mixed ^= mixed >> np.uint64(31)
    mixed *= MIX
    slots = (mixed >> np.uint64(64 - config.slot_bits)).astype(np.int64)
    return (slots & ~1) | int(is_word)


def _title_ends(codes: NDArray[np.uint32], starts: Ints, ends: Ints) -> Ints:
    """Give where the title of each text ends; its start for a text without one."""
    stops = np.flatnonzero(codes == ord("。"))
    if not len(stops):
        return starts.copy()
    first = np.searchsorted(stops, starts)
    stop = stops[np.minimum(first, len(stops) - 1)]
    is_title = (stop >= starts) & (stop - starts <= MAX_TITLE_CHARS) & (ends - stop > stop - starts)
    return np.where(is_title, stop, starts)


def _style(
    codes: NDArray[np.uint32], starts: Ints, ends: Ints, has_title: NDArray[np.bool_]
) -> Floats:
    n_texts, n_classes = len(starts), len(_CHARACTER_CLASSES) + 1
    length = (ends - starts).astype(np.float32)
    classes = _class_table()[np.minimum(codes, len(_class_table()) - 1)]
    cells = np.repeat(np.arange(n_texts) * n_classes, ends - starts + 1)[: len(codes)] + classes
    counts = np.bincount(cells, minlength=n_texts * n_classes).reshape(n_texts, n_classes)

    def share(*names: str, scale: float = 10) -> Floats:
        total = sum(counts[:, _CLASS_NUMBERS[name]] for name in names)
        shares: Floats = np.minimum(1, scale * total / np.maximum(length, 1))
        return shares

    marks = share(",", "。", "!", "?", ";:")
    columns = [
        np.minimum(1, np.log1p(length) / 7),
        length <= 12,
        length <= 25,
        length >= 200,
        share("!"),
        share("?", "吗"),
        share("digits", scale=4),
        share("latin", scale=4),
        share(","),
        share("。"),
        has_title,
        share("…"),
        (marks == 0) & (length > 12),
        share("quotes"),
        share("amounts", scale=20),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


_CHARACTER_CLASSES = {
    "!": "!",
    "?": "?",
    "吗": "吗",
    "digits": "0123456789",
    "latin": "abcdefghijklmnopqrstuvwxyz",
    ",": ",",
    "。": "。",
    ";:": ";:",
    "…": "…",
    "quotes": '“”"「」',
    "amounts": "元块万",
}
_CLASS_NUMBERS = {name: number for number, name in enumerate(_CHARACTER_CLASSES, start=1)}


@lru_cache(maxsize=1)
def _class_table() -> NDArray[np.uint8]:
    """Give the class of each character of the basic plane; 0 for none."""
    table = np.zeros(1 << 16, dtype=np.uint8)
    for name, characters in _CHARACTER_CLASSES.items():
        table[[ord(character) for character in characters]] = _CLASS_NUMBERS[name]
    return table
