"""How often a key may ask: one bucket of tokens per key, shared by all replicas."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from api.database import Database
from api.errors import RateLimitError
from api.settings import Settings
from api.tables import buckets

LEASES_PER_SECOND = 5
"""How often a replica asks the shared bucket, at most, while a key keeps within its rate."""


@dataclass(slots=True)
class Bucket:
    """Tokens that come back at a steady rate.

    Examples
    --------
    >>> bucket = Bucket(rate=1, size=2, tokens=2, at=0)
    >>> bucket.take(3, now=0), bucket.take(3, now=0), bucket.take(3, now=1)
    (2, 0, 1)
    """

    rate: float
    size: float
    tokens: float
    at: float

    def take(self, wanted: int, now: float) -> int:
        """Take up to `wanted` whole tokens."""
        self.tokens = min(self.size, self.tokens + max(0.0, now - self.at) * self.rate)
        self.at = now
        taken = min(wanted, int(self.tokens))
        self.tokens -= taken
        return taken


@dataclass(slots=True)
class RateLimit:
    """Refuses a key that asks too often.

    With PostgreSQL the bucket stands in the database, and each replica takes a handful of tokens
    at a time, so that the rate holds over all replicas at the cost of few queries.

    Parameters
    ----------
    now : callable
        Seconds since the epoch; replicas must agree on it.
    """

    settings: Settings
    database: Database
    now: Callable[[], float] = time.time
    _leased: dict[str, int] = field(default_factory=dict)
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _empty_until: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def rate(self) -> float:
        """Tokens per second; 0 for no limit."""
        return self.settings.requests_per_second

    def take(self, key_id: str) -> bool:
        """Take a token that is at hand; False where `lease` must be asked first.

        Raises
        ------
        RateLimitError
            If the key has none left.
        """
        if not self.rate:
            return True
        left = self._leased.get(key_id, 0)
        if left:
            self._leased[key_id] = left - 1
            return True
        if self.now() < self._empty_until.get(key_id, 0.0):
            self._refuse()
        return False

    def lease(self, key_id: str) -> None:
        """Fetch tokens for the next requests of a key, and take one.

        Raises
        ------
        RateLimitError
            If the key has none left.
        """
        with self._lock:
            if self._leased.get(key_id, 0) == 0:
                wanted = max(1, int(self.rate / LEASES_PER_SECOND))
                shared = not self.database.is_sqlite
                self._leased[key_id] = (self._take_shared if shared else self._take_own)(
                    key_id, wanted
                )
            if self._leased[key_id] == 0:
                self._empty_until[key_id] = self.now() + 1 / self.rate
                self._refuse()
            self._leased[key_id] -= 1

    def _refuse(self) -> None:
        raise RateLimitError(
            f"more than {self.rate:g} requests per second (TRIAGE_REQUESTS_PER_SECOND)",
            retry_seconds=max(1, math.ceil(1 / self.rate)),
        )

    def _new_bucket(self) -> Bucket:
        size = float(self.settings.requests_burst)
        return Bucket(self.rate, size, size, self.now())

    def _take_own(self, key_id: str, wanted: int) -> int:
        bucket = self._buckets.setdefault(key_id, self._new_bucket())
        return bucket.take(wanted, self.now())

    def _take_shared(self, key_id: str, wanted: int) -> int:
        b, new = buckets.c, self._new_bucket()
        with self.database.write() as connection:
            connection.execute(
                insert(buckets)
                .values(key_id=key_id, tokens=new.tokens, at=new.at)
                .on_conflict_do_nothing()
            )
            row = connection.execute(
                select(b.tokens, b.at).where(b.key_id == key_id).with_for_update()
            ).one()
            bucket = Bucket(self.rate, new.size, row.tokens, row.at)
            taken = bucket.take(wanted, max(self.now(), row.at))
            connection.execute(
                update(buckets).where(b.key_id == key_id).values(tokens=bucket.tokens, at=bucket.at)
            )
        return taken
