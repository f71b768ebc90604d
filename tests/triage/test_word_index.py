from hypothesis import given
from hypothesis import strategies as st

from triage.word_index import WordIndex

WORDS = ["退", "退款", "款", "赔", "赔款"]


def test_a_word_may_stand_for_several_things():
    index = WordIndex([("退款", "wish"), ("退款", "money")])
    assert index.find("要退款") == [(1, 3, "wish"), (1, 3, "money")]


@given(st.text(alphabet="退赔款项", max_size=30))
def test_every_word_is_found_wherever_it_stands(text: str):
    found = {(start, end) for start, end, _ in WordIndex((word, 0) for word in WORDS).find(text)}
    assert found == {
        (at, at + len(word))
        for word in WORDS
        for at in range(len(text))
        if text.startswith(word, at)
    }
