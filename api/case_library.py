"""Resolved cases of the store, as they are compared with a new complaint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sqlalchemy import Connection, func, select

from api.tables import complaints, outcomes
from models.bundle import ModelBundle
from models.features import find_occurrences, to_matrix
from triage.cases import CaseIndex
from triage.text import CleanText, clean_texts

MAX_CASES = 5000
"""The newest resolved cases that are kept at hand."""
MAX_CASES_PER_CATEGORY = 1000
MIN_SCORE = 0.15
SHOWN = ("resolution", "cause", "measure", "satisfied")


@dataclass(frozen=True, slots=True)
class CaseLibrary:
    """Resolved cases by category; made anew when cases or model change.

    Attributes
    ----------
    state : tuple
        What it was made from: it is out of date when `library_state` gives another.
    """

    state: tuple[Any, ...] = ()
    indexes: Mapping[str | None, CaseIndex] = field(default_factory=dict)
    outcomes: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def find(
        self, bundle: ModelBundle, clean: CleanText, category: str | None, n_cases: int
    ) -> list[dict[str, Any]]:
        """Find the resolved cases of the same category that are most like a text.

        Returns
        -------
        list of dict
            As `Similar` has them, best first.
        """
        index = self.indexes.get(category)
        if index is None or not n_cases:
            return []
        vector = _vectors(bundle, [clean])
        return [
            {"id": case.id, "score": round(case.score, 4), "outcome": self.outcomes[case.id]}
            for case in index.find(vector, n_cases=n_cases, min_score=MIN_SCORE)
        ]


def library_state(connection: Connection, bundle: ModelBundle) -> tuple[Any, ...]:
    """Tell by few numbers whether the resolved cases or the model have changed."""
    o = outcomes.c
    found = connection.execute(select(func.count(), func.max(o.at)).where(o.resolution != "")).one()
    return (bundle.version, found[0], found[1])


def make_library(connection: Connection, bundle: ModelBundle) -> CaseLibrary:
    """Read the newest resolved cases whose text is still there."""
    c, o = complaints.c, outcomes.c
    state = library_state(connection, bundle)
    rows = connection.execute(
        select(c.id, c.text, c.category, o.resolution, o.cause, o.measure, o.satisfied)
        .join_from(complaints, outcomes, c.id == o.complaint_id)
        .where(c.text.is_not(None), o.resolution != "")
        .order_by(o.at.desc())
        .limit(MAX_CASES)
    ).all()
    by_category: dict[str | None, list[Any]] = {}
    for row in rows:
        cases = by_category.setdefault(row.category, [])
        if len(cases) < MAX_CASES_PER_CATEGORY:
            cases.append(row)
    indexes = {
        category: CaseIndex(
            [row.id for row in cases], _vectors(bundle, clean_texts([row.text for row in cases]))
        )
        for category, cases in by_category.items()
    }
    shown = {row.id: {name: getattr(row, name) for name in SHOWN} for row in rows}
    return CaseLibrary(state, indexes, shown)


def _vectors(bundle: ModelBundle, texts: Sequence[CleanText]) -> csr_array:
    """Give the texts in the model's feature space."""
    folded = [text.folded for text in texts]
    occurrences = find_occurrences(folded, bundle.cut, bundle.space.config)
    return csr_array(to_matrix(occurrences, bundle.space).matrix, dtype=np.float64)
