"""What Magika looks at of a file: its first and its last 1024 bytes, without the white space around them.

As the package `magika` 1.0 does for its model `standard_v3_3`: at most 4096 bytes are read at each end, and
what is missing is filled with 256, which is no byte.
"""

import numpy as np

SIZE = 1024
READ = 4096
PADDING = 256


def magika(data: bytes) -> np.ndarray:
    """An i32[1, 2048] of bytes, of which any file has a beginning and an end."""
    features = np.full(2 * SIZE, PADDING, np.int32)
    first = np.frombuffer(data[:READ].lstrip()[:SIZE], np.uint8)
    last = np.frombuffer(data[-READ:].rstrip()[-SIZE:], np.uint8)
    features[: len(first)] = first
    features[len(features) - len(last) :] = last
    return features[np.newaxis]
