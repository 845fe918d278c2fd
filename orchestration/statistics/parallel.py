"""Slow functions of single numbers over long arrays: part by part, on two processors."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from orchestration.statistics.checks import FloatArray

# Parts of this length stay in a processor's cache; an array of one part is not worth a thread.
_AT_ONCE = 1 << 15


def by_parts(function: Callable[..., FloatArray], *arrays: FloatArray) -> FloatArray:
    """`function(*arrays)` of arrays of one length, for a function that takes each element by itself.

    numpy and scipy let go of the interpreter while they compute. Warnings of a part are as they are in a new thread:
    a function that expects some says so itself.
    """
    size = arrays[0].size
    if size <= _AT_ONCE:
        return function(*arrays)
    slices = [slice(start, start + _AT_ONCE) for start in range(0, size, _AT_ONCE)]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        return np.concatenate(list(pool.map(lambda part: function(*(array[part] for array in arrays)), slices)))
