"""Cutting Chinese into words: jieba as the reference, rjieba as the fast path.

Both get nothing but runs of Chinese characters. Numbers and latin runs, on which the two disagree,
are split off before and become words of their own.
"""

import logging
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Engine = Literal["rjieba", "jieba"]
ENGINES: tuple[Engine, ...] = get_args(Engine)

Cut = Callable[[str], list[str]]

HAN_FIRST, HAN_LAST = 0x4E00, 0x9FD5
"""The range both dictionaries cover; other Han characters are words of one character."""


def load_cut(engine: Engine = "rjieba", user_words: Sequence[str] = ()) -> Cut:
    """Give the function that cuts a text into words, nothing left out.

    Parameters
    ----------
    engine : {"rjieba", "jieba"}
    user_words : sequence of str
        Words of the deployment that are never split ("充电桩").

    Returns
    -------
    callable
        From a text to its words in order; the words joined are the text.

    Raises
    ------
    ValueError
        If the engine is unknown.

    Examples
    --------
    >>> load_cut("rjieba", ("朝阳里小区",))("朝阳里小区停水")
    ['朝阳里小区', '停水']
    """
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}: expected one of {', '.join(ENGINES)}")
    return (_load_rjieba if engine == "rjieba" else _load_jieba)(tuple(user_words))


@lru_cache(maxsize=4)
def _load_rjieba(user_words: tuple[str, ...]) -> Cut:
    import rjieba

    tokenizer = rjieba.Jieba()
    for word in user_words:
        tokenizer.add_word(word, None, None)
    cut: Cut = tokenizer.cut
    return cut


@lru_cache(maxsize=4)
def _load_jieba(user_words: tuple[str, ...]) -> Cut:
    import jieba  # costs a second, and only the reference path needs it

    logging.getLogger("jieba").setLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.tmp_dir = str(private_cache())  # its default is the temp folder shared by all users
    for word in user_words:
        tokenizer.add_word(word)
    cut: Cut = tokenizer.lcut
    return cut


def private_cache() -> Path:
    """Give the cache folder of this product, readable by its user only.

    It is ``complaint-triage`` below ``XDG_CACHE_HOME`` (default ``~/.cache``).
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "complaint-triage"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def word_bounds(codes: NDArray[np.uint32], cut: Cut) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find where words start and end in an array of code points.

    Parameters
    ----------
    codes : ndarray of shape (n_characters,), dtype uint32
        Folded text in lower case; texts may follow each other with a line break between.
    cut : callable
        From `load_cut`.

    Returns
    -------
    starts, ends : ndarray of shape (n_words,)
        In order of `starts`. Punctuation and white space belong to no word; a run of latin
        letters is one word, and so is a run of digits.
    """
    is_han = (codes >= HAN_FIRST) & (codes <= HAN_LAST)
    han = _decode(np.where(is_han, codes, np.uint32(0x20)))
    lengths = list(map(len, cut(han)))
    ends = np.fromiter(accumulate(lengths), dtype=np.int64, count=len(lengths))
    starts = ends - np.asarray(lengths, dtype=np.int64)
    in_han = is_han[starts] if len(starts) else np.zeros(0, dtype=bool)
    other_starts, other_ends = _other_runs(codes)
    starts = np.concatenate([starts[in_han], other_starts])
    ends = np.concatenate([ends[in_han], other_ends])
    order = np.argsort(starts, kind="stable")
    return starts[order], ends[order]


def lower(codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Give A to Z in lower case; ``str.lower`` would lengthen some foreign letters."""
    return codes + np.uint32(0x20) * ((codes >= ord("A")) & (codes <= ord("Z")))


def _other_runs(codes: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find runs of latin letters (1) and of digits (2)."""
    kinds = np.zeros(len(codes) + 2, dtype=np.int8)
    kinds[1:-1][(codes >= ord("a")) & (codes <= ord("z"))] = 1
    kinds[1:-1][(codes >= ord("0")) & (codes <= ord("9"))] = 2
    changes = np.flatnonzero(kinds[1:] != kinds[:-1])
    starts, ends = changes[:-1], changes[1:]
    named = kinds[1:-1][starts] > 0 if len(starts) else np.zeros(0, dtype=bool)
    return starts[named], ends[named]


def _decode(codes: NDArray[np.uint32]) -> str:
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")
