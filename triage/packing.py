"""Arrays as text: what a state that goes through JSON holds them in, exactly and compactly."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

Packed = dict[str, Any]


def pack(values: NDArray[Any]) -> Packed:
    """Return an array as plain JSON values.

    Parameters
    ----------
    values : ndarray
        Of numbers, any shape.

    Returns
    -------
    dict
        ``type``, ``shape`` and ``base64`` of the little-endian bytes.

    Examples
    --------
    >>> pack(np.array([1, 2], dtype=np.int8))
    {'type': '|i1', 'shape': [2], 'base64': 'AQI='}
    """
    values = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return {
        "type": values.dtype.str,
        "shape": list(values.shape),
        "base64": b64encode(values.tobytes()).decode("ascii"),
    }


def unpack(packed: Packed) -> NDArray[Any]:
    """Undo `pack`; the array may be written to.

    Examples
    --------
    >>> unpack(pack(np.array([[0.5, 2.0]]))).tolist()
    [[0.5, 2.0]]
    """
    flat = np.frombuffer(b64decode(packed["base64"]), dtype=np.dtype(packed["type"]))
    return flat.reshape(packed["shape"]).astype(flat.dtype.newbyteorder("="), copy=True)
