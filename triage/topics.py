"""Clusters of similar complaints, found in one pass over the stream."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from itertools import islice
from operator import itemgetter
from typing import Any

DAY = 86_400.0

_N_NEAR = 6
_by_weight = itemgetter(1)


@dataclass(frozen=True, slots=True)
class Join:
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
    """One cluster: the weighted sum of its complaints' terms, newer ones weighing more."""

    topic_id: int
    born_at: float
    last_at: float
    centroid: dict[str, float] = field(default_factory=dict)
    squared_norm: float = 0.0
    n_complaints: int = 0

    def terms(self, n_terms: int = 6) -> tuple[str, ...]:
        """Return the strongest terms, strongest first."""
        return tuple(term for term, _ in nlargest(n_terms, self.centroid.items(), key=_by_weight))


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
        self.n_texts = 0.0
        self._text_counts: dict[str, float] = {}
        self._postings: dict[str, dict[int, None]] = {}
        self._aliases: dict[int, int] = {}
        self._kept_apart: set[tuple[int, int]] = set()
        self._next_id = 1
        self._aged_at = -math.inf
        self._touched: dict[int, None] = {}

    @classmethod
    def for_words(cls) -> TopicIndex:
        """Make an index for texts weighed by words, whose idf spreads wider than bigrams'."""
        return cls(idf_power=0.5, n_index_terms=12, near_at=0.1)

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
        self._learn(terms, at)
        best, similarity, near = self._find(vector)
        if best is None:
            topic = self._open(at)
            shared: tuple[str, ...] = ()
        else:
            topic = best
            shared = _shared_terms(vector, topic.centroid)
        self._absorb(topic, vector, at)
        similarity = similarity if best else 0.0
        own = tuple(islice(vector, self.n_index_terms))
        return Join(topic.topic_id, similarity, shared, best is None, own, near)

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
        vector = self._weigh(terms)
        source = self.topics.get(old)
        if source is not None:
            share = max(len(source.centroid), 1) ** -0.5
            for term in vector:
                if term in source.centroid:
                    source.centroid[term] *= share
            source.squared_norm = sum(weight**2 for weight in source.centroid.values())
        topic = self._open(at)
        self._absorb(topic, vector, at)
        self._kept_apart.add(_pair(old, topic.topic_id))
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
        merged = []
        for topic_id in list(self._touched):
            topic = self.topics.get(topic_id)
            twin = self._twin(topic) if topic is not None else None
            if topic is not None and twin is not None:
                keep, gone = sorted((topic.topic_id, twin.topic_id))
                self._merge(keep, gone)
                merged.append((keep, gone))
        self._touched.clear()
        return merged

    def _weigh(self, terms: Mapping[str, float]) -> dict[str, float]:
        """Turn terms into a unit vector of their strongest TF-IDF weights, strongest first."""
        counts, n_texts = self._text_counts, self.n_texts + 1.0
        log, power = math.log, self.idf_power
        known = counts.get
        scored = [
            (term, weight * log(1.0 + n_texts / (known(term, 0.0) + 0.5)))
            for term, weight in terms.items()
        ]
        if power != 1.0:
            scored = [
                (term, terms[term] ** (1.0 - power) * weight**power) for term, weight in scored
            ]
        scored.sort(key=_by_weight, reverse=True)
        del scored[self.n_doc_terms :]
        norm = math.sqrt(sum(weight * weight for _, weight in scored))
        return {term: weight / norm for term, weight in scored} if norm > 0 else {}

    def _learn(self, terms: Mapping[str, float], at: float) -> None:
        """Count in how many recent texts each term stands."""
        counts = self._text_counts
        for term in terms:
            counts[term] = counts.get(term, 0.0) + 1.0
        self.n_texts += 1.0
        if self._aged_at == -math.inf:
            self._aged_at = at
        if at - self._aged_at > 2 * self.half_life_days * DAY or len(counts) > self.max_vocabulary:
            self._age(at)

    def _age(self, at: float) -> None:
        """Halve all counts, so that idf follows the stream and the vocabulary stays bounded."""
        self._text_counts = {t: c / 2 for t, c in self._text_counts.items() if c >= 1.5}
        self.n_texts /= 2
        self._aged_at = at

    def _find(self, vector: dict[str, float]) -> tuple[Topic | None, float, tuple[int, ...]]:
        """Return the most similar live topic above the threshold, its cosine, and near ones."""
        best: Topic | None = None
        best_similarity = self.join_at
        near: list[tuple[float, int]] = []
        for topic in self._candidates(vector):
            centroid = topic.centroid
            dot = 0.0
            for term, weight in vector.items():
                other = centroid.get(term)
                if other is not None:
                    dot += weight * other
            similarity = dot / math.sqrt(topic.squared_norm)
            if similarity < self.near_at:
                continue
            near.append((-similarity, topic.topic_id))
            if similarity >= best_similarity and (
                similarity > best_similarity or best is None or topic.topic_id < best.topic_id
            ):
                best, best_similarity = topic, similarity
        near.sort()
        best_id = best.topic_id if best is not None else 0
        others = tuple(topic_id for _, topic_id in near[: _N_NEAR + 1] if topic_id != best_id)
        return best, best_similarity, others[:_N_NEAR]

    def _candidates(self, vector: dict[str, float]) -> list[Topic]:
        """Collect the topics that share the complaint's strongest terms."""
        scores: dict[int, float] = {}
        postings = self._postings
        for n_seen, (term, weight) in enumerate(vector.items()):
            if n_seen == self.n_index_terms:
                break
            for topic_id in postings.get(term, ()):
                scores[topic_id] = scores.get(topic_id, 0.0) + weight * weight
        if len(scores) > self.n_candidates:
            chosen = [key for key, _ in nlargest(self.n_candidates, scores.items(), key=_by_weight)]
        else:
            chosen = list(scores)
        topics = self.topics
        return [topics[topic_id] for topic_id in chosen if topic_id in topics]

    def _open(self, at: float) -> Topic:
        """Open an empty topic under a fresh id, at the cost of the most silent one if need be."""
        if len(self.topics) >= self.max_topics:
            self._drop(next(iter(self.topics)))
        topic = Topic(self._next_id, at, at)
        self._next_id += 1
        self.topics[topic.topic_id] = topic
        return topic

    def _absorb(self, topic: Topic, vector: dict[str, float], at: float) -> None:
        """Add a complaint to a topic's centroid, which forgets the old slowly."""
        gain = 2.0 ** ((at - topic.born_at) / (self.half_life_days * DAY))
        centroid = topic.centroid
        cross = 0.0
        for term, weight in vector.items():
            old = centroid.get(term, 0.0)
            cross += old * weight
            centroid[term] = old + gain * weight
        if vector:
            topic.squared_norm += gain * (2.0 * cross + gain)
        topic.n_complaints += 1
        topic.last_at = max(topic.last_at, at)
        if len(centroid) > 2 * self.n_centroid_terms or gain > 1e9:
            self._trim(topic, gain, at)
        self._index(topic, vector)
        self.topics[topic.topic_id] = self.topics.pop(topic.topic_id)
        self._touched[topic.topic_id] = None

    def _trim(self, topic: Topic, gain: float, at: float) -> None:
        """Keep the strongest terms and start the centroid's clock anew."""
        strongest = nlargest(self.n_centroid_terms, topic.centroid.items(), key=_by_weight)
        topic.centroid = {term: weight / gain for term, weight in strongest}
        topic.squared_norm = sum(weight * weight for weight in topic.centroid.values())
        topic.born_at = at

    def _index(self, topic: Topic, vector: dict[str, float]) -> None:
        """List the topic under the complaint's strongest terms, newest last."""
        topic_id, postings = topic.topic_id, self._postings
        for n_seen, term in enumerate(vector):
            if n_seen == self.n_index_terms:
                break
            listed = postings.get(term)
            if listed is None:
                postings[term] = {topic_id: None}
                continue
            listed.pop(topic_id, None)
            listed[topic_id] = None
            if len(listed) > self.n_postings:
                del listed[next(iter(listed))]

    def _drop(self, topic_id: int) -> None:
        """Forget a topic and unlist it."""
        topic = self.topics.pop(topic_id)
        self._touched.pop(topic_id, None)
        for term in topic.centroid:
            listed = self._postings.get(term)
            if listed is not None:
                listed.pop(topic_id, None)
                if not listed:
                    del self._postings[term]

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
        if not topic.squared_norm:
            return None
        strongest = nlargest(self.n_centroid_terms, topic.centroid.items(), key=_by_weight)
        norm = math.sqrt(sum(weight * weight for _, weight in strongest))
        vector = {term: weight / norm for term, weight in strongest}
        best, best_similarity = None, self.merge_at
        for other in self._candidates(vector):
            if other is topic or _pair(other.topic_id, topic.topic_id) in self._kept_apart:
                continue
            centroid = other.centroid
            dot = sum(w * centroid[t] for t, w in vector.items() if t in centroid)
            similarity = dot / math.sqrt(other.squared_norm)
            if similarity >= best_similarity:
                best, best_similarity = other, similarity
        return best

    def _merge(self, keep: int, gone: int) -> None:
        """Pour one topic into another and remember where it went."""
        source, target = self.topics[gone], self.topics[keep]
        half_life = self.half_life_days * DAY
        gain = 2.0 ** min((source.born_at - target.born_at) / half_life, 60.0)
        for term, weight in source.centroid.items():
            target.centroid[term] = target.centroid.get(term, 0.0) + gain * weight
        target.squared_norm = sum(weight * weight for weight in target.centroid.values())
        target.n_complaints += source.n_complaints
        target.last_at = max(target.last_at, source.last_at)
        self._index(target, dict(nlargest(self.n_doc_terms, target.centroid.items(), _by_weight)))
        self._drop(gone)
        self._aliases[gone] = keep
        apart = {pair for pair in self._kept_apart if gone in pair}
        for first, second in apart:
            self._kept_apart.add(_pair(keep, second if first == gone else first))

    def state(self) -> dict[str, Any]:
        """Return everything the index knows as plain JSON values."""
        return {
            "topics": [
                [t.topic_id, t.born_at, t.last_at, t.n_complaints, t.squared_norm, t.centroid]
                for t in self.topics.values()
            ],
            "n_texts": self.n_texts,
            "text_counts": self._text_counts,
            "postings": {term: list(listed) for term, listed in self._postings.items()},
            "aliases": list(self._aliases.items()),
            "kept_apart": sorted(self._kept_apart),
            "next_id": self._next_id,
            "aged_at": None if self._aged_at == -math.inf else self._aged_at,
            "touched": list(self._touched),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned, through JSON or not."""
        self.topics = {
            row[0]: Topic(row[0], row[1], row[2], dict(row[5]), row[4], row[3])
            for row in state["topics"]
        }
        self.n_texts = state["n_texts"]
        self._text_counts = dict(state["text_counts"])
        self._postings = {t: dict.fromkeys(ids) for t, ids in state["postings"].items()}
        self._aliases = dict(state["aliases"])
        self._kept_apart = {(first, second) for first, second in state["kept_apart"]}
        self._next_id = state["next_id"]
        self._aged_at = -math.inf if state["aged_at"] is None else state["aged_at"]
        self._touched = dict.fromkeys(state["touched"])


def _pair(first: int, second: int) -> tuple[int, int]:
    """Order two ids, so that a pair is found whichever way it is asked for."""
    return (first, second) if first < second else (second, first)


def _shared_terms(vector: Mapping[str, float], centroid: Mapping[str, float]) -> tuple[str, ...]:
    """Return the terms that carry a similarity, strongest first."""
    products = [(t, w * centroid[t]) for t, w in vector.items() if t in centroid]
    return tuple(term for term, _ in nlargest(5, products, key=_by_weight))
