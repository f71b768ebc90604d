"""When to try again: exponential back-off with full jitter."""

import random
from dataclasses import dataclass
from datetime import timedelta

LONGEST_RETRY_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often a delivery is tried, and how long it waits between two tries.

    The n-th wait is drawn evenly between 0 and ``first_seconds * 2 ** (n - 1)``, at most
    `longest_seconds`. With the defaults the 19 tries of a receiver that never answers spread over
    24 hours on average.

    Examples
    --------
    >>> backoff = Backoff()
    >>> round(sum(backoff.mean_seconds(n) for n in range(1, backoff.n_tries)) / 3600)
    24
    """

    n_tries: int = 19
    first_seconds: float = 10.0
    longest_seconds: float = 21_600.0

    def most_seconds(self, tried: int) -> float:
        """Give the longest wait after so many failed tries."""
        return float(min(self.first_seconds * 2.0 ** (tried - 1), self.longest_seconds))

    def mean_seconds(self, tried: int) -> float:
        """Give the mean wait after so many failed tries."""
        return self.most_seconds(tried) / 2

    def wait(
        self, tried: int, *, draw: random.Random, retry_after: timedelta | None = None
    ) -> timedelta | None:
        """Draw the wait before the next try.

        Parameters
        ----------
        tried : int
            Failed tries so far, at least 1.
        draw : random.Random
            Where the jitter comes from.
        retry_after : timedelta, optional
            What the receiver asked for; waited for at least, up to a day.

        Returns
        -------
        timedelta or None
            None when all tries are used up.
        """
        if tried >= self.n_tries:
            return None
        drawn = timedelta(seconds=draw.uniform(0, self.most_seconds(tried)))
        return max(drawn, min(retry_after or timedelta(0), LONGEST_RETRY_AFTER))
