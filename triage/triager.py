"""The whole answer for a complaint: predictions, then the rules that may raise an urgency."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from triage.complaint import Decision, FlagSpan, Prediction, Predictions, Raise, Triage
from triage.flags import Flag, FlagRules
from triage.taxonomy import Taxonomy
from triage.text import CleanText, clean_texts

RULE = "rule"


class Predictor(Protocol):
    """The seam to machine learning."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The tasks and labels it knows."""

    def predict_clean(self, texts: Sequence[CleanText]) -> list[Predictions]:
        """Predict all tasks for cleaned texts."""


@dataclass(frozen=True, slots=True)
class Triager:
    """Joins a predictor and the flag rules."""

    predictor: Predictor
    rules: FlagRules

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
        flags = self.rules.find_many([c.folded for c in clean])
        return [self._combine(*parts) for parts in zip(clean, predictions, flags, strict=True)]

    def _combine(self, clean: CleanText, predictions: Predictions, found: Sequence[Flag]) -> Triage:
        urgency = predictions.urgency
        flags = tuple(FlagSpan(f.flag, *clean.span(f.start, f.end), f.rule) for f in found)
        if urgency is None:
            return Triage(clean.text, predictions, flags=flags)
        raised, raised_by = self._raise(clean, urgency, found)
        return Triage(
            clean.text,
            replace(predictions, urgency=raised) if raised_by else predictions,
            urgency.label,
            raised_by,
            flags,
        )

    def _raise(
        self, clean: CleanText, urgency: Prediction, flags: Sequence[Flag]
    ) -> tuple[Prediction, tuple[Raise, ...]]:
        """Raise the level to the highest that a rule speaks for; probabilities stay."""
        levels = self.predictor.taxonomy.task("urgency").label_ids
        speaking = [flag for flag in flags if flag.raises in levels]
        if not speaking:
            return urgency, ()
        highest = max(levels.index(str(flag.raises)) for flag in speaking)
        if highest <= levels.index(urgency.label):
            return urgency, ()
        raised_by = tuple(
            Raise(flag.rule, *clean.span(flag.start, flag.end))
            for flag in speaking
            if levels.index(str(flag.raises)) == highest
        )
        decision: Decision = "review" if urgency.decision == "review" else "suggest"
        raised = replace(urgency, label=levels[highest], decision=decision, reason=RULE)
        return raised, raised_by
