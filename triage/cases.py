"""Similar resolved cases: the nearest of the stored vectors, with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True, slots=True)
class SimilarCase:
    """A stored case and how near it is.

    Parameters
    ----------
    id : str
        Id of the case.
    score : float
        Cosine of the two vectors: 1 for the same direction, 0 for nothing in common.
    """

    id: str
    score: float


class CaseIndex:
    """Vectors of resolved cases, ready to be searched.

    Parameters
    ----------
    ids : sequence of str, length n_cases
        Ids of the cases.
    vectors : sparse matrix or ndarray of shape (n_cases, n_features)
        Their vectors, as the shared features give them; they need not be normalised.

    Raises
    ------
    ValueError
        If there are not as many ids as rows.

    Examples
    --------
    >>> stored = sparse.csr_array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0]])
    >>> index = CaseIndex(["退款-1", "维修-7"], stored)
    >>> found = index.find(sparse.csr_array([[1.0, 0.0, 0.0]]))
    >>> [(case.id, round(case.score, 2)) for case in found]
    [('退款-1', 0.89)]
    """

    def __init__(
        self, ids: Sequence[str], vectors: sparse.sparray | sparse.spmatrix | NDArray[np.float64]
    ) -> None:
        rows = _unit_rows(vectors)
        if rows.shape[0] != len(ids):
            raise ValueError(f"there must be one id per row, got {len(ids)} for {rows.shape[0]}")
        self.ids = tuple(ids)
        self._rows = rows

    def __len__(self) -> int:
        """Give the number of cases."""
        return len(self.ids)

    def find(
        self,
        vector: sparse.sparray | sparse.spmatrix | NDArray[np.float64],
        *,
        n_cases: int = 5,
        min_score: float = 0.0,
        without: str | None = None,
    ) -> tuple[SimilarCase, ...]:
        """Find the cases nearest to one vector.

        Parameters
        ----------
        vector : sparse matrix or ndarray of shape (1, n_features)
            The vector of the new complaint.
        n_cases : int, default=5
            How many at most.
        min_score : float, default=0.0
            Only cases with a greater score are given.
        without : str or None, default=None
            A case to leave out, such as the complaint itself.

        Returns
        -------
        tuple of SimilarCase
            Best first; cases of equal score in stored order.

        Raises
        ------
        ValueError
            If the vector has not one row, or another number of features.
        """
        query = _unit_rows(vector)
        if query.shape != (1, self._rows.shape[1]):
            raise ValueError(
                f"the vector must have shape (1, {self._rows.shape[1]}), got {query.shape}"
            )
        scores = np.asarray((self._rows @ query.T).todense()).ravel()
        found: list[SimilarCase] = []
        for place in np.argsort(-scores, kind="stable").tolist():
            if len(found) == n_cases or scores[place] <= min_score:
                break
            if self.ids[place] != without:
                found.append(SimilarCase(self.ids[place], float(min(scores[place], 1.0))))
        return tuple(found)


def _unit_rows(
    vectors: sparse.sparray | sparse.spmatrix | NDArray[np.float64],
) -> sparse.csr_array:
    """Scale each row to length 1; a row of zeros stays one."""
    rows = sparse.csr_array(np.atleast_2d(vectors) if isinstance(vectors, np.ndarray) else vectors)
    rows = rows.astype(np.float64)
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sparse.csr_array(
        sparse.dia_array((scale[np.newaxis], 0), shape=(len(scale),) * 2) @ rows
    )
