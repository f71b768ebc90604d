"""Clusters of similar complaints, found in one pass over the stream."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.centroids import CentroidTable
from triage.postings import Postings
from triage.vocabulary import Vocabulary

IntArray = NDArray[np.intp]
FloatArray = NDArray[np.float32]

DAY = 86_400.0

_N_NEAR = 6
_LARGEST_GAIN = 1e6
_MAX_TEXT_TERMS = 1_000
_EARLY_SHARE = 0.8
"""A vocabulary fuller than this is aged by `tidy`, so that no complaint has to wait for it."""


class Join(NamedTuple):
    """Where a complaint went and why.

    Attributes
    ----------
    topic_id : int
        Stable for ever; never used again after the topic expires.
    similarity : float
        Cosine between the complaint and the topic as it was, 0 for a new topic.
    shared_terms : tuple of str
        The terms that speak most for the join, strongest first.
    is_new : bool
        Whether the complaint opened the topic.
    terms : tuple of str
        The complaint's own strongest terms.
    near : tuple of int
        Other topics that are somewhat similar, most similar first.
    """

    topic_id: int
    similarity: float
    shared_terms: tuple[str, ...]
    is_new: bool
    terms: tuple[str, ...] = ()
    near: tuple[int, ...] = ()


@dataclass(slots=True)
class Topic:
    """One cluster: the weighted sum of its complaints' terms, newer ones weighing more.

    Attributes
    ----------
    topic_id : int
        Stable for ever.
    row : int
        Where its terms stand in the index's table.
    born_at, last_at : float
        From when on weights are counted, and when the newest complaint came.
    n_complaints : int
        How many were put into it.
    index : TopicIndex
        That it belongs to.
    """

    topic_id: int
    row: int
    born_at: float
    last_at: float
    index: TopicIndex = field(repr=False)
    n_complaints: int = 0

    def terms(self, n_terms: int = 6) -> tuple[str, ...]:
        """Return the strongest terms, strongest first."""
        return self.index.terms_of(self, n_terms=n_terms)


class _Vector(NamedTuple):
    """A complaint's or a topic's terms as a unit vector, strongest first."""

    terms: IntArray
    weights: FloatArray


class TopicIndex:
    """Assign each complaint to the most similar live topic, or open a new one.

    The cost of a complaint does not depend on how many are live: candidates come from an
    inverted index with bounded posting lists, topics are capped and expire.

    Parameters
    ----------
    join_at : float, default=0.12
        Least cosine to join a topic.
    near_at : float, default=0.08
        Least cosine of a topic that is told as near.
    merge_at : float, default=0.35
        Topics whose centroids agree this much are merged by `tidy`.
    idf_power : float, default=1
        Rare terms weigh more the larger this is.
    half_life_days, expire_days : float
        How fast a topic's centroid forgets, and after how long a silent topic goes.
    max_topics : int, default=50_000
        Hard cap; the topic that was silent longest goes first.
    n_candidates, n_index_terms, n_doc_terms, n_centroid_terms, n_postings : int
        Bounds of the work for one complaint.

    Examples
    --------
    >>> index = TopicIndex()
    >>> index.add({"电梯": 1.0, "困人": 1.0}, at=0.0).topic_id
    1
    >>> index.add({"电梯": 1.0, "停运": 1.0}, at=60.0).topic_id
    1
    >>> index.add({"外卖": 1.0, "洒了": 1.0}, at=90.0).is_new
    True
    """

    def __init__(
        self,
        *,
        join_at: float = 0.12,
        near_at: float = 0.08,
        merge_at: float = 0.35,
        idf_power: float = 1.0,
        half_life_days: float = 30.0,
        expire_days: float = 75.0,
        max_topics: int = 50_000,
        n_candidates: int = 40,
        n_index_terms: int = 16,
        n_doc_terms: int = 64,
        n_centroid_terms: int = 96,
        n_postings: int = 64,
        max_vocabulary: int = 400_000,
    ) -> None:
        self.join_at = join_at
        self.near_at = near_at
        self.merge_at = merge_at
        self.idf_power = idf_power
        self.half_life_days = half_life_days
        self.expire_days = expire_days
        self.max_topics = max_topics
        self.n_candidates = n_candidates
        self.n_index_terms = n_index_terms
        self.n_doc_terms = n_doc_terms
        self.n_centroid_terms = n_centroid_terms
        self.n_postings = n_postings
        self.max_vocabulary = max_vocabulary
        self.topics: dict[int, Topic] = {}
        self._vocabulary = Vocabulary(max_terms=max_vocabulary)
        n_terms, n_rows = max_vocabulary + _MAX_TEXT_TERMS + 2, max_topics + 2
        self._centroids = CentroidTable(
            n_terms=n_terms, n_rows=n_rows, n_kept=n_centroid_terms, n_added=n_doc_terms
        )
        self._postings = Postings(n_terms=n_terms, n_rows=n_rows, width=n_postings)
        self._id_of_row: NDArray[np.int64] = np.zeros(n_rows, dtype=np.int64)
        self._free_rows: list[int] = []
        self._aliases: dict[int, int] = {}
        self._kept_apart: set[tuple[int, int]] = set()
        self._next_id = 1
        self._aged_at = -math.inf
        self._touched: dict[int, None] = {}

    @property
    def n_texts(self) -> float:
        """How many texts the terms' weights rest on, old ones counting less."""
        return self._vocabulary.n_texts

    @classmethod
    def for_words(cls) -> TopicIndex:
        """Make an index for texts weighed by words, whose idf spreads wider than bigrams'."""
        return cls(
            join_at=0.13,
            near_at=0.1,
            merge_at=0.3,
            idf_power=0.5,
            n_candidates=20,
            n_index_terms=12,
            n_postings=24,
        )

    def add(self, terms: Mapping[str, float], *, at: float) -> Join:
        """Put one complaint into its topic.

        Parameters
        ----------
        terms : mapping of str to float
            Weighted terms; a complaint without any opens a topic of its own that none joins.
        at : float
            Arrival, seconds since the epoch; later calls may be slightly earlier.

        Returns
        -------
        Join
            The topic and the reason.
        """
        vector = self._weigh(terms)
        best, similarity, near = self._find(vector)
        topic = self._open(at) if best is None else best
        places = self._centroids.places_of(topic.row, vector.terms)
        shared = () if best is None else self._shared_terms(topic, vector, places)
        names = self._vocabulary.names_of(vector.terms[: self.n_index_terms])
        self._absorb(topic, vector, at, places)
        self._age_if_due(at)
        return Join(topic.topic_id, similarity, shared, best is None, names, near)

    def terms_of(self, topic: Topic, *, n_terms: int = 6) -> tuple[str, ...]:
        """Return a topic's strongest terms, strongest first."""
        terms, _ = self._centroids.vector(topic.row, n_terms=n_terms)
        return self._vocabulary.names_of(terms)

    def resolve(self, topic_id: int) -> int:
        """Follow merges to the id that a topic lives under now."""
        while topic_id in self._aliases:
            topic_id = self._aliases[topic_id]
        return topic_id

    def merge(self, keep: int, gone: int) -> int:
        """Merge two topics for good, as a supervisor asks.

        Returns
        -------
        int
            The id that both are known by from now on.
        """
        keep, gone = self.resolve(keep), self.resolve(gone)
        if keep != gone:
            self._kept_apart.discard(_pair(keep, gone))
            self._merge(keep, gone)
        return keep

    def split(self, topic_id: int, terms: Mapping[str, float], *, at: float) -> int:
        """Open a topic for some complaints of another; the machine never merges the two again.

        Parameters
        ----------
        topic_id : int
            The topic to take them from.
        terms : mapping of str to float
            Summed terms of the complaints that leave.
        at : float
            Now, seconds since the epoch.

        Returns
        -------
        int
            The new topic.
        """
        old = self.resolve(topic_id)
        vector = self._weigh(terms, learn=False)
        source = self.topics.get(old)
        if source is not None:
            share = max(self._centroids.n_terms_of(source.row), 1) ** -0.5
            self._centroids.scale(source.row, vector.terms, share)
        topic = self._open(at)
        self._absorb(topic, vector, at)
        self._kept_apart.add(_pair(old, topic.topic_id))
        self._age_if_due(at)
        return topic.topic_id

    def tidy(self, now: float) -> list[tuple[int, int]]:
        """Expire silent topics and merge those that have become alike; off the hot path.

        Parameters
        ----------
        now : float
            Seconds since the epoch.

        Returns
        -------
        list of (int, int)
            Pairs of the topic that stays and the one merged into it.
        """
        self._expire(now)
        self._age_if_due(now, share=_EARLY_SHARE)
        merged = []
        # A complaint alone has been compared with all others, mostly at a lower threshold.
        least = 2 if self.join_at <= self.merge_at else 1
        for topic_id in list(self._touched):
            topic = self.topics.get(topic_id)
            if topic is None or topic.n_complaints < least:
                continue
            twin = self._twin(topic)
            if twin is not None:
                keep, gone = sorted((topic.topic_id, twin.topic_id))
                self._merge(keep, gone)
                merged.append((keep, gone))
        self._touched.clear()
        return merged

    def _weigh(self, terms: Mapping[str, float], *, learn: bool = True) -> _Vector:
        """Turn terms into a unit vector of their strongest TF-IDF weights, strongest first."""
        if len(terms) > _MAX_TEXT_TERMS:
            terms = dict(islice(terms.items(), _MAX_TEXT_TERMS))
        numbers = self._vocabulary.numbers_of(terms)
        weights = np.fromiter(terms.values(), dtype=np.float64, count=len(terms))
        idf = self._vocabulary.idf(numbers)
        if learn:
            self._vocabulary.learn(numbers)
        weights *= idf if self.idf_power == 1.0 else idf**self.idf_power
        order = (-weights).argsort(kind="stable")[: self.n_doc_terms]
        weights = weights[order]
        norm = math.sqrt(np.add.reduce(weights * weights))
        if norm <= 0.0:
            return _Vector(numbers[:0], np.zeros(0, dtype=np.float32))
        return _Vector(numbers[order], (weights / norm).astype(np.float32))

    def _age_if_due(self, at: float, *, share: float = 1.0) -> None:
        """Halve all counts, so that idf follows the stream and the vocabulary stays bounded."""
        if self._aged_at == -math.inf:
            self._aged_at = at
        is_full = len(self._vocabulary) > share * self._vocabulary.max_terms + 1
        if is_full or at - self._aged_at > 2 * self.half_life_days * DAY:
            mapping = self._vocabulary.age(self._centroids.used_terms())
            self._centroids.renumber(mapping)
            self._postings.renumber(mapping)
            self._aged_at = at

    def _find(self, vector: _Vector) -> tuple[Topic | None, float, tuple[int, ...]]:
        """Return the most similar live topic above the threshold, its cosine, and near ones."""
        rows, cosines = self._compare(vector)
        similar = cosines >= self.near_at
        ids, cosines = self._id_of_row[rows[similar]], cosines[similar]
        if not len(ids):
            return None, 0.0, ()
        if len(ids) > 1:
            order = np.lexsort((ids, -cosines))[: _N_NEAR + 1]
            ids, cosines = ids[order], cosines[order]
        near, similarity = ids.tolist(), float(cosines[0])
        if similarity < self.join_at:
            return None, 0.0, tuple(near[:_N_NEAR])
        return self.topics[near[0]], similarity, tuple(near[1:])

    def _compare(self, vector: _Vector) -> tuple[IntArray, FloatArray]:
        """Return the rows that share the strongest terms, and their cosines."""
        terms, weights = vector.terms[: self.n_index_terms], vector.weights[: self.n_index_terms]
        rows = self._postings.rows_of(terms, weights * weights, n_best=self.n_candidates)
        rows = rows[self._id_of_row[rows] > 0]
        return rows, self._centroids.cosines(rows, vector.terms, vector.weights)

    def _shared_terms(
        self, topic: Topic, vector: _Vector, places: NDArray[np.int32]
    ) -> tuple[str, ...]:
        """Return the terms that carry a similarity, strongest first."""
        products = self._centroids.products(topic.row, places, vector.weights)
        order = (-products).argsort(kind="stable")[:5]
        return self._vocabulary.names_of(vector.terms[order[products[order] > 0]])

    def _open(self, at: float) -> Topic:
        """Open an empty topic under a fresh id, at the cost of the most silent one if need be."""
        if len(self.topics) >= self.max_topics:
            self._drop(next(iter(self.topics)))
        row = self._free_rows.pop() if self._free_rows else len(self.topics) + 1
        topic = Topic(self._next_id, row, at, at, self)
        self._id_of_row[row] = topic.topic_id
        self._next_id += 1
        self.topics[topic.topic_id] = topic
        return topic

    def _absorb(
        self,
        topic: Topic,
        vector: _Vector,
        at: float,
        places: NDArray[np.int32] | None = None,
    ) -> None:
        """Add a complaint to a topic's centroid, which forgets the old slowly."""
        row, centroids = topic.row, self._centroids
        gain = 2.0 ** ((at - topic.born_at) / (self.half_life_days * DAY))
        if gain > _LARGEST_GAIN:
            centroids.trim(row, gain=gain)
            topic.born_at, gain, places = at, 1.0, None
        if len(vector.terms):
            centroids.add(row, vector.terms, vector.weights * np.float32(gain), places=places)
            self._postings.put(vector.terms[: self.n_index_terms], row)
        topic.n_complaints += 1
        topic.last_at = max(topic.last_at, at)
        self.topics[topic.topic_id] = self.topics.pop(topic.topic_id)
        self._touched[topic.topic_id] = None

    def _drop(self, topic_id: int) -> None:
        """Forget a topic and unlist it."""
        topic = self.topics.pop(topic_id)
        self._touched.pop(topic_id, None)
        self._postings.take_off(self._centroids.clear(topic.row), topic.row)
        self._id_of_row[topic.row] = 0
        self._free_rows.append(topic.row)

    def _expire(self, now: float) -> None:
        """Drop topics that were silent too long; they stand first."""
        limit = now - self.expire_days * DAY
        while self.topics:
            topic_id, topic = next(iter(self.topics.items()))
            if topic.last_at >= limit:
                break
            self._drop(topic_id)
        self._aliases = {gone: keep for gone, keep in self._aliases.items() if keep in self.topics}

    def _twin(self, topic: Topic) -> Topic | None:
        """Return the live topic most like this one, if they should be one."""
        terms, weights = self._centroids.vector(topic.row, n_terms=self._centroids.n_kept)
        if not len(terms):
            return None
        norm = np.sqrt((weights * weights).sum())
        rows, cosines = self._compare(_Vector(terms, weights / norm))
        alike = (cosines >= self.merge_at) & (rows != topic.row)
        ids, cosines = self._id_of_row[rows[alike]], cosines[alike]
        for place in np.lexsort((ids, -cosines)).tolist():
            other = int(ids[place])
            if _pair(other, topic.topic_id) not in self._kept_apart:
                return self.topics[other]
        return None

    def _merge(self, keep: int, gone: int) -> None:
        """Pour one topic into another and remember where it went."""
        source, target = self.topics[gone], self.topics[keep]
        half_life = self.half_life_days * DAY
        gain = 2.0 ** min((source.born_at - target.born_at) / half_life, 30.0)
        self._centroids.merge(target.row, source.row, gain=gain)
        target.n_complaints += source.n_complaints
        target.last_at = max(target.last_at, source.last_at)
        terms, _ = self._centroids.vector(target.row, n_terms=self.n_index_terms)
        self._postings.put(terms, target.row)
        self._drop(gone)
        self._aliases[gone] = keep
        apart = {pair for pair in self._kept_apart if gone in pair}
        for first, second in apart:
            self._kept_apart.add(_pair(keep, second if first == gone else first))

    def state(self) -> dict[str, Any]:
        """Return everything the index knows as plain JSON values."""
        live = list(self.topics.values())
        rows = np.array([topic.row for topic in live], dtype=np.intp)
        return {
            "topics": [[t.topic_id, t.row, t.born_at, t.last_at, t.n_complaints] for t in live],
            "free_rows": self._free_rows,
            "vocabulary": self._vocabulary.state(),
            "centroids": self._centroids.state(rows),
            "postings": self._postings.state(len(self._vocabulary)),
            "aliases": list(self._aliases.items()),
            "kept_apart": sorted(self._kept_apart),
            "next_id": self._next_id,
            "aged_at": None if self._aged_at == -math.inf else self._aged_at,
            "touched": list(self._touched),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned, through JSON or not."""
        self.topics = {
            topic_id: Topic(topic_id, row, born_at, last_at, self, n_complaints)
            for topic_id, row, born_at, last_at, n_complaints in state["topics"]
        }
        self._free_rows = list(state["free_rows"])
        self._vocabulary.restore(state["vocabulary"])
        rows = np.array([topic.row for topic in self.topics.values()], dtype=np.intp)
        self._centroids.restore(rows, state["centroids"])
        self._postings.restore(state["postings"])
        self._aliases = dict(state["aliases"])
        self._kept_apart = {(first, second) for first, second in state["kept_apart"]}
        self._next_id = state["next_id"]
        self._aged_at = -math.inf if state["aged_at"] is None else state["aged_at"]
        self._touched = dict.fromkeys(state["touched"])
        self._id_of_row[:] = 0
        self._id_of_row[rows] = list(self.topics)


def _pair(first: int, second: int) -> tuple[int, int]:
    """Order two ids, so that a pair is found whichever way it is asked for."""
    return (first, second) if first < second else (second, first)
