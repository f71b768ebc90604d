"""Folding keeps the way back to the text as it was written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.text import clean_texts, normalize

ANY_TEXT = st.text(max_size=60)
HARD_TEXT = st.text(
    alphabet="㎡①½ﬁé́\u200b\ufeff電梯計程車軟體退款１３８Ａ。 \u0301\ud800<>\n", max_size=40
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ＡＢＣ１２３", "ABC123"),
        ("退\u200b款", "退款"),
        ("第①项，３０㎡", "第1项,30m2"),
        ("計程車司機態度惡劣，軟體又當機", "出租车司机态度恶劣,软件又当机"),
        ("巴士司機無禮貌", "巴士司机无礼貌"),
        ("a\tb\r\nc\x00d", "a b  c d"),
        ("😡😡退钱", "😡😡退钱"),
        ("……", "……"),
        ("e\u0301", "é"),
        ("", ""),
    ],
)
def test_folds(text: str, folded: str):
    assert normalize(text) == folded


@given(ANY_TEXT | HARD_TEXT)
@settings(max_examples=300, deadline=None)
def test_normalize_twice_is_once(text: str):
    assert normalize(normalize(text)) == normalize(text)


@given(st.lists(ANY_TEXT | HARD_TEXT, max_size=5))
@settings(max_examples=200, deadline=None)
def test_a_batch_is_its_texts_one_by_one(texts: list[str]):
    assert clean_texts(texts) == [clean_texts([text])[0] for text in texts]


@given(ANY_TEXT | HARD_TEXT)
@settings(max_examples=300, deadline=None)
def test_every_span_lies_in_the_masked_text(text: str):
    clean = clean_texts([text])[0]
    for i in range(len(clean.folded)):
        start, end = clean.span(i, i + 1)
        assert 0 <= start < end <= len(clean.text)


@given(ANY_TEXT | HARD_TEXT)
@settings(max_examples=200, deadline=None)
def test_the_masked_text_can_be_stored(text: str):
    clean_texts([text])[0].text.encode("utf-8")


def test_a_span_of_simplified_text_points_into_the_traditional_one():
    clean = clean_texts(["這台計程車的司機亂收費，軟體也當機，品質太差"])[0]
    start = clean.folded.index("出租车")
    span = clean.span(start, start + 3)
    assert clean.text[slice(*span)] == "計程車"
    assert clean.is_traditional


def test_a_very_long_text_is_folded():
    assert len(normalize("热水器漏水，" * 20_000)) == 120_000
