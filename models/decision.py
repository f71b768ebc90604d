"""When an answer may be used by itself, when only proposed, and when a person must look."""

from dataclasses import dataclass
from typing import Self

from triage.complaint import Decision

LOW_CONFIDENCE, AMBIGUOUS, UNFAMILIAR = "low_confidence", "ambiguous", "unfamiliar"
PRECAUTION = "precaution"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of one task, chosen on data that its head never saw.

    Attributes
    ----------
    promised_error : float
        Share of wrong labels among ``auto`` that the task promises not to exceed.
    auto : float
        Smallest confidence (0 to 1) of ``auto``; above 1 where no confidence keeps the promise.
    review : float
        Below this confidence a person must look.
    margin : float
        ``auto`` needs this much more probability than the second label has.
    precaution : float
        The highest level of an ordered task is answered from this probability on, even where
        another level is likelier: to miss an emergency costs more. Above 1 for never.
    """

    promised_error: float = 0.05
    auto: float = 1.01
    review: float = 0.35
    margin: float = 0.2
    precaution: float = 1.01

    def decide(self, confidence: float, second: float) -> tuple[Decision, str | None]:
        """Decide on one answer from the probabilities of its label and of the next.

        Examples
        --------
        >>> limits = Thresholds(auto=0.8, review=0.4, margin=0.2)
        >>> limits.decide(0.9, 0.05)
        ('auto', None)
        >>> limits.decide(0.45, 0.40)
        ('suggest', 'ambiguous')
        >>> limits.decide(0.3, 0.2)
        ('review', 'low_confidence')
        >>> limits.decide(0.3, 0.5)
        ('review', 'precaution')
        """
        if confidence < second:
            return ("review" if confidence < self.review else "suggest"), PRECAUTION
        if confidence < self.review:
            return "review", LOW_CONFIDENCE
        if confidence - second < self.margin:
            return "suggest", AMBIGUOUS
        if confidence < self.auto:
            return "suggest", LOW_CONFIDENCE
        return "auto", None

    @classmethod
    def from_json(cls, values: dict[str, float]) -> Self:
        """Rebuild thresholds from the manifest."""
        return cls(**values)
