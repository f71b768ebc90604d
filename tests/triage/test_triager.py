"""Rules may raise an urgency; they never lower it and never touch a probability."""

from collections.abc import Sequence

import pytest

from triage.complaint import Alternative, Prediction, Predictions
from triage.flags import FlagRules
from triage.taxonomy import Taxonomy
from triage.text import CleanText
from triage.triager import Triager

RULES = FlagRules.from_file()


class Fixed:
    """Predicts the same level for everything."""

    taxonomy = Taxonomy.from_file()

    def __init__(self, level: str, critical: float = 0.15) -> None:
        self.level = level
        self.critical = critical

    def predict_clean(self, texts: Sequence[CleanText]) -> list[Predictions]:
        other = (Alternative("critical", self.critical), Alternative("low", 0.05))
        prediction = Prediction(self.level, 0.9, "auto", None, other)
        return [Predictions(urgency=prediction) for _ in texts]


@pytest.mark.parametrize(
    "text",
    [
        "厨房煤气味很重，孩子头晕想吐，快来人",
        "我不想活了，站在楼顶",
        "电梯卡住了，里面困着三个人出不来",
    ],
)
def test_danger_is_never_normal(text: str):
    triage = Triager(Fixed("normal"), RULES).triage([text])[0]
    urgency = triage.predictions.urgency
    assert urgency is not None
    assert (urgency.label, urgency.decision, urgency.reason) == ("critical", "suggest", "rule")
    assert (triage.model_urgency, urgency.confidence) == ("normal", 0.9)
    assert all(0 <= r.start < r.end <= len(triage.text) for r in triage.raised_by)


@pytest.mark.parametrize(
    "text", ["以前着过火，现在没事了", "气死我了，汤是凉的", "热死人了，空调怎么还不修"]
)
def test_history_and_idiom_raise_nothing(text: str):
    triage = Triager(Fixed("normal"), RULES).triage([text])[0]
    assert triage.raised_by == ()


def test_a_rule_never_lowers():
    triage = Triager(Fixed("critical"), RULES).triage(["物业费太贵"])[0]
    assert triage.predictions.urgency is not None
    assert triage.predictions.urgency.label == "critical"


def test_a_span_counts_the_text_as_it_was_written():
    text = "樓道裡有很重的煤氣味，老人頭暈，快來人"
    triage = Triager(Fixed("low"), RULES).triage([text])[0]
    assert triage.raised_by
    spans = {triage.text[r.start : r.end] for r in triage.raised_by}
    assert any("氣" in span for span in spans)


def test_a_rule_that_the_model_finds_impossible_only_withdraws_auto():
    text = "厨房煤气味很重，快来人"
    triage = Triager(Fixed("normal", critical=0.001), RULES).triage([text])[0]
    urgency = triage.predictions.urgency
    assert urgency is not None
    assert (urgency.label, urgency.decision, urgency.reason) == (
        "normal", "suggest", "rule_doubted",
    )  # fmt: skip
    assert triage.raised_by == ()
    assert "safety_risk" in {flag.flag for flag in triage.flags}


def test_self_harm_is_always_heard():
    triage = Triager(Fixed("normal", critical=0.001), RULES).triage(["我不想活了，站在楼顶"])[0]
    assert triage.predictions.urgency is not None
    assert triage.predictions.urgency.label == "critical"
