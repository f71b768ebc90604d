"""Rules of one-pass topics."""

import json

import pytest

from triage.repeats import RepeatFinder
from triage.topic_features import bigram_terms, split_title, word_terms
from triage.topics import DAY, TopicIndex

STATION = "搅拌站粉尘大,无法呼吸。搅拌站离小区只有三十米,噪音也大。"
PARKING = "强制捆绑销售车位。买房必须买车位,不买不给合同。"
SUBWAY = "地铁三号线什么时候开通。公告说年底,现在没有消息。"


@pytest.fixture
def index():
    index = TopicIndex()
    for k, text in enumerate([STATION, PARKING, SUBWAY]):
        index.add(bigram_terms(text), at=float(k))
    return index


def test_similar_complaints_share_a_topic_and_say_why(index):
    join = index.add(bigram_terms("搅拌站粉尘扰民。每天都是灰。"), at=10.0)
    assert (join.topic_id, join.is_new) == (1, False)
    assert "搅拌" in join.shared_terms


def test_an_unlike_complaint_opens_a_topic(index):
    assert index.add(bigram_terms("图书馆闭馆太早"), at=10.0).topic_id == 4


def test_texts_without_terms_never_join(index):
    first, second = index.add({}, at=5.0), index.add({}, at=6.0)
    assert first.is_new
    assert second.is_new
    assert first.topic_id != second.topic_id


def test_silent_topics_expire_and_their_ids_are_never_used_again(index):
    index.tidy(80 * DAY)
    assert not index.topics
    assert index.add(bigram_terms(STATION), at=80 * DAY).topic_id == 4


def test_the_cap_drops_the_most_silent_topic():
    index = TopicIndex(max_topics=2)
    for k, text in enumerate([STATION, PARKING, SUBWAY]):
        index.add(bigram_terms(text), at=float(k))
    assert sorted(index.topics) == [2, 3]


def test_a_merge_by_people_sticks(index):
    assert index.merge(1, 2) == 1
    assert index.resolve(2) == 1
    assert index.add(bigram_terms(PARKING), at=20.0).topic_id == 1


def test_a_split_by_people_is_never_undone(index):
    new = index.split(1, bigram_terms(STATION), at=30.0)
    index.add(bigram_terms(STATION), at=31.0)
    index.tidy(40.0)
    assert index.resolve(new) == new
    assert index.resolve(1) == 1


def test_alike_topics_are_merged_off_the_hot_path():
    index = TopicIndex(join_at=0.99)
    for k in range(2):
        index.add({"搅拌": 1.0, "粉尘": 1.0, f"号{k}": 0.3}, at=float(k))
    assert index.tidy(2.0) == [(1, 2)]


def test_state_survives_json(index):
    other = TopicIndex()
    other.restore(json.loads(json.dumps(index.state())))
    assert other.add(bigram_terms(STATION), at=9.0) == index.add(bigram_terms(STATION), at=9.0)


def test_the_vocabulary_is_bounded():
    index = TopicIndex(max_vocabulary=50)
    for k in range(200):
        index.add({f"词{k}": 1.0, f"语{k}": 1.0}, at=float(k))
    assert len(index.state()["vocabulary"]["terms"]) <= 60


def test_numbers_and_greetings_make_nothing_alike():
    assert bigram_terms("欠费356元") == bigram_terms("欠费99元")
    assert "好0" not in bigram_terms("投诉。尊敬的书记:您好!楼道没灯")


def test_titles_end_with_the_first_sentence():
    assert split_title("电梯坏了!快修") == ("电梯坏了!", "快修")
    assert split_title("") == ("", "")


def test_words_are_weighed_by_place():
    weigh = word_terms(lambda text: text.replace("。", " ").split())
    assert weigh("电梯 坏了。电梯 快修") == {"电梯": 3.0, "坏了": 2.0, "快修": 1.0}


def test_reminders_of_one_customer_are_linked():
    finder = RepeatFinder()
    assert finder.find("a", "甲", ("x", "y", "z"), at=0.0) is None
    assert finder.find("b", "甲", ("x", "y", "w"), at=DAY) == "a"
    assert finder.find("c", "甲", ("x", "y", "z"), at=40 * DAY) is None
    assert finder.find("d", None, ("x", "y", "z"), at=40 * DAY) is None


def test_remembered_customers_are_bounded():
    finder = RepeatFinder(max_customers=3)
    for k in range(10):
        finder.find(f"c{k}", f"客户{k}", ("x",), at=float(k))
    assert len(finder.state()) == 3
