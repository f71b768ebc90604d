"""rjieba gives jieba's words."""

import csv
import gzip
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from models.segmentation import load_cut, lower, private_cache, word_bounds
from training.data import LabelledTexts
from triage.text import normalize

MIN_EQUAL = 0.9995


def words(text: str, engine: str, user_words: tuple[str, ...] = ()) -> list[str]:
    codes = lower(np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32))
    starts, ends = word_bounds(codes, load_cut(engine, user_words))
    return [text[a:b] for a, b in zip(starts, ends, strict=True)]


def check_equal(texts: Iterable[str]) -> None:
    """Compare both engines on all texts at once; list where they differ."""
    folded = [normalize(text).replace("\n", " ") for text in texts]
    differing = [text for text in folded if words(text, "rjieba") != words(text, "jieba")]
    shown = [f"{len(text)} characters, starts with {text[:6]!r}" for text in differing[:20]]
    print(f"{len(differing)} of {len(folded)} texts differ", *shown, sep="\n  ")
    assert len(differing) <= (1 - MIN_EQUAL) * len(folded), shown


def test_both_engines_agree_on_the_corpus(corpus: LabelledTexts):
    check_equal(corpus.texts)


@pytest.mark.measure
def test_both_engines_agree_on_real_texts(measure_data: Path):
    csv.field_size_limit(10**8)
    texts: list[str] = []
    for name in ("complaints_labelled.csv", "hotline_stream_2019.csv.gz"):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(measure_data / name, "rt", encoding="utf-8-sig") as file:
            texts += [row["text"] for row in csv.DictReader(file)]
    check_equal(texts)


@pytest.mark.parametrize("engine", ["rjieba", "jieba"])
def test_numbers_and_latin_runs_are_words_of_their_own(engine: str):
    assert words("iphone15退款1999元vip卡", engine) == [
        "iphone", "15", "退款", "1999", "元", "vip", "卡",
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ["rjieba", "jieba"])
def test_user_words_stay_whole(engine: str):
    assert words("朝阳里小区停水", engine, ("朝阳里小区",)) == ["朝阳里小区", "停水"]


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="expected one of rjieba, jieba"):
        load_cut("pkuseg")  # type: ignore[arg-type]


def test_jieba_keeps_its_cache_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = private_cache()
    assert folder.is_relative_to(tmp_path)
    assert os.stat(folder).st_mode & 0o077 == 0


def test_surrogates_and_emoji_break_nothing():
    assert words(normalize("退\ud800款😡"), "rjieba") == ["退", "款"]
