"""What a model says: probabilities that sum to one, evidence that stands in the text."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bundle import ModelBundle
from training.data import LabelledTexts
from triage.taxonomy import TASKS
from triage.text import clean_texts

TEXTS = (
    "快递三天没到，客服电话打不通！",
    "這台計程車的司機亂收費，軟體也當機，品質太差",
    "热水器漏水。约了师傅三次都没来，我家孩子才两个月大，没有热水怎么洗澡，请尽快安排",
    "ok",
    "㎡①楼道①漏水㎡" * 3,
)


def test_probabilities_sum_to_one(bundle: ModelBundle, small_corpus: LabelledTexts):
    for shares in bundle.probabilities(clean_texts(small_corpus.texts[:200])).values():
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
        assert (shares >= 0).all()


@pytest.mark.parametrize("text", TEXTS)
def test_alternatives_complete_the_confidence(bundle: ModelBundle, text: str):
    predictions = bundle.predict([text])[0]
    for task in TASKS:
        prediction = predictions.of(task)
        total = prediction.confidence + sum(a.confidence for a in prediction.alternatives)
        assert total == pytest.approx(1, abs=1e-5)
        labels = {prediction.label, *(a.label for a in prediction.alternatives)}
        assert labels == set(bundle.taxonomy.task(task).label_ids)


@pytest.mark.parametrize("text", TEXTS)
def test_evidence_stands_in_the_masked_text(bundle: ModelBundle, text: str):
    masked = clean_texts([text])[0].text
    for task in TASKS:
        for item in bundle.predict([text])[0].of(task).evidence:
            assert masked[item.start : item.end] == item.term
            assert 0 < item.weight <= 1


def test_evidence_of_traditional_text_is_traditional(bundle: ModelBundle):
    evidence = [
        item.term for task in TASKS for item in bundle.predict([TEXTS[1]])[0].of(task).evidence
    ]
    assert any(term in ("計程車", "軟體", "品質", "司機", "收費") for term in evidence)


def test_a_batch_is_its_texts_one_by_one(bundle: ModelBundle, small_corpus: LabelledTexts):
    texts = [*TEXTS, *small_corpus.texts[:70]]
    for batch, single in zip(
        bundle.predict(texts), [bundle.predict([t])[0] for t in texts], strict=True
    ):
        for task in TASKS:
            assert batch.of(task).label == single.of(task).label
            assert batch.of(task).confidence == pytest.approx(single.of(task).confidence, abs=1e-5)
            assert [e.term for e in batch.of(task).evidence] == [
                e.term for e in single.of(task).evidence
            ]


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_no_text_breaks_it(bundle: ModelBundle, text: str):
    prediction = bundle.predict([text])[0].category
    assert prediction is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("退款", "too_short"),
        ("My parcel has not arrived for three weeks and nobody answers", "other_language"),
        ("啊啊啊啊啊啊啊啊啊啊啊啊", "gibberish"),
        ("专业办理各类贷款，额度高，低息，欢迎咨询", "advertisement"),
        ("鼗齉龘靐鱻麤鑫淼焱垚犇骉羴猋", "unfamiliar"),
    ],
)
def test_what_is_no_complaint_goes_to_a_person(bundle: ModelBundle, text: str, reason: str):
    predictions = bundle.predict([text])[0]
    for task in TASKS:
        assert (predictions.of(task).decision, predictions.of(task).reason) == ("review", reason)


def test_a_very_long_text_is_answered(bundle: ModelBundle):
    assert bundle.predict(["热水器漏水没人修，" * 10_000])[0].category is not None


def test_the_highest_level_is_answered_by_precaution(bundle: ModelBundle):
    limits = replace(bundle.thresholds["urgency"], precaution=0.0)
    wary = replace(bundle, thresholds={**bundle.thresholds, "urgency": limits})
    before, after = (b.predict([TEXTS[0]])[0].urgency for b in (bundle, wary))
    assert before.label != "critical"
    assert (after.label, after.reason) == ("critical", "precaution")
    assert after.decision != "auto"
    assert after.confidence == next(
        other.confidence for other in before.alternatives if other.label == "critical"
    )
    assert after.alternatives[0].label == before.label
