"""What passes between the layers: a prediction, its evidence, and the whole triage.

The small parts, made dozens of times for each complaint, are named tuples: four times as fast.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Decision = Literal["auto", "suggest", "review"]


class Evidence(NamedTuple):
    """A term that carried a prediction.

    `weight` is its share of the label's score (0 to 1, larger says more); `start` and `end`
    are code points of the masked text, end excluded.
    """

    term: str
    weight: float
    start: int
    end: int


class Alternative(NamedTuple):
    """Another label with its probability (0 to 1)."""

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer of one task.

    `confidence` is the calibrated probability of `label` (0 to 1); `alternatives` are the other
    labels, likeliest first; `reason` says in a word why `decision` is not ``auto`` (None for
    ``auto``): ``low_confidence``, ``ambiguous``, ``precaution`` (the highest level, not the
    likeliest but too likely to pass over), ``rule``, ``rule_doubted``, or why it is out of scope.
    """

    label: str
    confidence: float
    decision: Decision
    reason: str | None
    alternatives: tuple[Alternative, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Raise(NamedTuple):
    """A safety rule that spoke for a higher urgency, and where in the text it stands."""

    rule: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Predictions:
    """The answers of all tasks that a model has for one complaint; None for a task it lacks."""

    category: Prediction | None = None
    motive: Prediction | None = None
    urgency: Prediction | None = None

    def of(self, task: str) -> Prediction | None:
        """Give the prediction of a task by its name."""
        prediction: Prediction | None = getattr(self, task)
        return prediction


class FlagSpan(NamedTuple):
    """A flag, the rule that found it and the span that shows it."""

    flag: str
    start: int
    end: int
    rule: str


@dataclass(frozen=True, slots=True)
class Triage:
    """Everything the domain says about one complaint.

    `text` is the masked text; every span counts its code points. `model_urgency` is the level the
    model chose where a rule raised it (else the same as the final one); `raised_by` is empty where
    no rule spoke. `flags` holds domain flags with their spans.
    """

    text: str
    predictions: Predictions
    model_urgency: str | None = None
    raised_by: tuple[Raise, ...] = ()
    flags: tuple[FlagSpan, ...] = ()
