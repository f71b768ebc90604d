"""Rules of the tables under topics: vocabulary, postings, centroids, arrivals."""

import json

import numpy as np
import pytest

from triage.arrivals import TopicArrivals
from triage.centroids import CentroidTable
from triage.packing import pack, unpack
from triage.postings import Postings
from triage.topics import DAY, TopicIndex
from triage.vocabulary import Vocabulary


def through_json(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64", "uint32"])
def test_packed_arrays_come_back_exactly(dtype):
    values = np.random.default_rng(1).normal(0, 1e5, (7, 3)).astype(dtype)
    back = unpack(through_json(pack(values)))
    assert back.dtype == values.dtype
    assert (back == values).all()


def learnt(texts, **options):
    vocabulary = Vocabulary(**options)
    for text in texts:
        vocabulary.learn(vocabulary.numbers_of(text))
    return vocabulary


def test_rare_terms_tell_more():
    vocabulary = learnt([["电梯", "的"], ["暖气", "的"], ["的"]])
    rare, common = vocabulary.idf(vocabulary.numbers_of(["电梯", "的"]))
    assert rare > common


def test_ageing_keeps_what_many_texts_or_topics_hold():
    vocabulary = learnt([["的", f"词{k}"] for k in range(5)])
    mapping = vocabulary.age(vocabulary.numbers_of(["词3"]))
    assert np.flatnonzero(mapping).tolist() == [1, 5]
    assert vocabulary.names_of(np.array([1, 2])) == ("的", "词3")


def test_ageing_leaves_room_even_if_all_is_in_use():
    vocabulary = learnt([[f"词{k}" for k in range(100)]], max_terms=50)
    vocabulary.age(np.arange(1, 101))
    assert len(vocabulary) == 31


def test_a_topic_keeps_its_terms_through_ageing():
    index = TopicIndex()
    first = index.add({"电梯": 2.0, "困人": 2.0}, at=0.0)
    n_texts = index.n_texts
    index.add({"暖气": 1.0}, at=61 * DAY)
    assert index.n_texts == (n_texts + 1) / 2
    assert index.topics[first.topic_id].terms() == ("电梯", "困人")
    assert index.add({"困人": 1.0}, at=62 * DAY).topic_id == first.topic_id


def test_postings_forget_the_oldest_row_and_unlist_on_demand():
    postings = Postings(n_terms=9, n_rows=9, width=3)
    for row in (1, 2, 3, 4, 4):
        postings.put(np.array([5, 6]), row)
    weight = np.ones(2, dtype=np.float32)
    assert sorted(postings.rows_of(np.array([5, 6]), weight, n_best=9)) == [2, 3, 4]
    postings.take_off(np.array([5]), 3)
    assert sorted(postings.rows_of(np.array([5]), weight[:1], n_best=9)) == [2, 4]


def test_postings_prefer_rows_with_the_worthiest_terms():
    postings = Postings(n_terms=9, n_rows=9, width=4)
    for term, row in ((1, 1), (1, 2), (2, 2), (2, 3)):
        postings.put(np.array([term]), row)
    worth = np.array([0.3, 0.2], dtype=np.float32)
    assert postings.rows_of(np.array([1, 2]), worth, n_best=1).tolist() == [2]


def unit(*weights):
    values = np.array(weights, dtype=np.float32)
    return values / np.linalg.norm(values)


def test_cosines_are_those_of_the_summed_vectors():
    table = CentroidTable(n_terms=20, n_rows=3)
    table.add(1, np.array([3, 4]), unit(1, 2))
    table.add(1, np.array([4, 7]), unit(2, 1))
    total = np.zeros(20)
    total[[3, 4]] += unit(1, 2)
    total[[4, 7]] += unit(2, 1)
    probe = np.zeros(20)
    probe[[4, 7]] = unit(1, 1)
    expected = total @ probe / np.linalg.norm(total)
    found = table.cosines(np.array([1]), np.array([4, 7]), unit(1, 1))
    assert found[0] == pytest.approx(expected, abs=1e-6)


def test_a_full_row_keeps_its_strongest_terms():
    table = CentroidTable(n_terms=20, n_rows=2, n_kept=2, n_added=2)
    table.add(1, np.array([1, 2]), unit(1, 9))
    table.add(1, np.array([3, 4]), unit(9, 1))
    table.add(1, np.array([5]), unit(1))
    terms, _ = table.vector(1)
    assert set(terms.tolist()) == {2, 3, 5}


def test_arrivals_keep_names_of_the_newest_and_count_all():
    arrivals = TopicArrivals()
    for day in range(60):
        arrivals.put(7, day * DAY, f"客户{day}", f"c{day}")
    topic = arrivals.of(7)
    assert len(topic.times) == 60
    assert 21 <= len(topic.ids) <= 29
    assert topic.since(50 * DAY) == [f"c{day}" for day in range(50, 60)]
    assert arrivals.united([7], since=0.0) is topic


def test_united_arrivals_count_what_came_before():
    arrivals = TopicArrivals()
    for day in range(40):
        arrivals.put(1 + day % 2, day * DAY, f"客户{day}", f"c{day}")
    both = arrivals.united([1, 2], since=30 * DAY)
    assert both.ids == [f"c{day}" for day in range(30, 40)]
    assert (len(both.times), both.n_older) == (10, 30)


def test_joined_arrivals_stay_in_order():
    arrivals = TopicArrivals()
    for day in range(60):
        arrivals.put(1 if day % 3 else 2, day * DAY, "甲", f"c{day}")
    arrivals.join(1, 2)
    topic = arrivals.of(1)
    assert list(topic.times) == [day * DAY for day in range(60)]
    assert topic.ids[-3:] == ["c57", "c58", "c59"]
    other = TopicArrivals()
    other.restore(through_json(arrivals.state()))
    assert other.state() == arrivals.state()
