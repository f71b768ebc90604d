"""Ids of complaints: UUID version 7, so that later ones sort after earlier ones."""

import random
import time


def new_id() -> str:
    """Draw an id.

    Examples
    --------
    >>> a, b = new_id(), new_id()
    >>> len(a), a[12], a[:8] <= b[:8]
    (32, '7', True)
    """
    milliseconds = time.time_ns() // 1_000_000
    # An id is no secret: what a key may see is decided by its roles.
    drawn = random.getrandbits(74)
    number = (
        milliseconds << 80 | 0x7 << 76 | (drawn >> 62) << 64 | 0b10 << 62 | drawn & (1 << 62) - 1
    )
    return f"{number:032x}"
