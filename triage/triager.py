"""The whole answer for a complaint: predictions, then the rules that may raise an urgency."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from triage.complaint import Decision, FlagSpan, Prediction, Predictions, Raise, Triage
from triage.flags import Flag, FlagRules
from triage.taxonomy import Taxonomy
from triage.text import CleanText, clean_texts

RULE, RULE_DOUBTED = "rule", "rule_doubted"
ALWAYS_HEARD = frozenset({"self_harm"})
"""Flags whose rules raise the urgency whatever the model thinks."""


class Predictor(Protocol):
    """The seam to machine learning."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The tasks and labels it knows."""

    def predict_clean(self, texts: Sequence[CleanText]) -> list[Predictions]:
        """Predict all tasks for cleaned texts."""


@dataclass(frozen=True, slots=True)
class Triager:
    """Joins a predictor and the flag rules.

    Attributes
    ----------
    min_plausibility : float
        A rule raises the urgency where the model gives the level that it speaks for, and those
        above, at least this probability. Below it the words mean something else ("地板都是火气"):
        the flag stays, the level too, but the answer is not used by itself any more.

    Notes
    -----
    Chosen with the precaution of the default model (``training/default.toml``) on the even texts of
    the frozen set: 0.01, 0.03, 0.06, 0.1 and 0.15 call 22, 21, 17, 14 and 14 % of the near-misses
    critical, at a recall of critical of 0.91, 0.91, 0.90, 0.90 and 0.87.
    """

    predictor: Predictor
    rules: FlagRules
    min_plausibility: float = 0.1

    def triage(self, texts: Sequence[str]) -> list[Triage]:
        """Triage texts as they came.

        Parameters
        ----------
        texts : sequence of str, length n_texts

        Returns
        -------
        list of Triage, length n_texts
            In the same order.
        """
        clean = clean_texts(texts)
        predictions = self.predictor.predict_clean(clean)
        flags = [self.rules.find(c.folded) for c in clean]
        return [self._combine(*parts) for parts in zip(clean, predictions, flags, strict=True)]

    def _combine(self, clean: CleanText, predictions: Predictions, found: Sequence[Flag]) -> Triage:
        urgency = predictions.urgency
        flags = tuple(FlagSpan(f.flag, *clean.span(f.start, f.end), f.rule) for f in found)
        if urgency is None:
            return Triage(clean.text, predictions, flags=flags)
        raised, raised_by = self._raise(clean, urgency, found)
        return Triage(
            clean.text,
            replace(predictions, urgency=raised),
            urgency.label,
            raised_by,
            flags,
        )

    def _raise(
        self, clean: CleanText, urgency: Prediction, flags: Sequence[Flag]
    ) -> tuple[Prediction, tuple[Raise, ...]]:
        """Raise the level to the highest that a rule speaks for; probabilities stay."""
        levels = self.predictor.taxonomy.task("urgency").label_ids
        now = levels.index(urgency.label)
        speaking = [f for f in flags if f.raises in levels and levels.index(f.raises) > now]
        if not speaking:
            return urgency, ()
        heard = [f for f in speaking if self._is_plausible(f, urgency, levels)]
        decision: Decision = "review" if urgency.decision == "review" else "suggest"
        if not heard:
            return replace(urgency, decision=decision, reason=RULE_DOUBTED), ()
        highest = max(levels.index(str(flag.raises)) for flag in heard)
        raised_by = tuple(
            Raise(flag.rule, *clean.span(flag.start, flag.end))
            for flag in heard
            if levels.index(str(flag.raises)) == highest
        )
        return replace(urgency, label=levels[highest], decision=decision, reason=RULE), raised_by

    def _is_plausible(self, flag: Flag, urgency: Prediction, levels: Sequence[str]) -> bool:
        """Tell whether the model leaves a chance that the urgency is as high as a rule says."""
        if flag.flag in ALWAYS_HEARD:
            return True
        chances = {urgency.label: urgency.confidence}
        chances |= {other.label: other.confidence for other in urgency.alternatives}
        wanted = levels[levels.index(str(flag.raises)) :]
        return sum(chances.get(level, 0.0) for level in wanted) >= self.min_plausibility
