"""Picture: a sample's values as a small PNG in a data URI, and the difference of two samples as another."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

MOST_PIXELS = 16_384
LESS, MORE = np.array([0, 114, 178]), np.array([213, 94, 0])  # Okabe and Ito's blue and vermillion


def as_pixels(values: tuple[float, ...], shape: tuple[int, ...]) -> np.ndarray | None:
    """Return values as pixels, (height, width, 1 or 3) float64; None where they are no picture that can be shown.

    Args:
        values: the sample, flat.
        shape: (height, width), (channels, height, width) or (height, width, channels), with 1 or 3 channels.
    """
    if len(shape) not in (2, 3) or min(shape) < 1 or not len(values) == int(np.prod(shape)) <= 3 * MOST_PIXELS:
        return None
    pixels = np.nan_to_num(np.asarray(values, dtype=np.float64)).reshape(shape)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    elif shape[0] in (1, 3):
        pixels = np.moveaxis(pixels, 0, 2)
    return pixels if pixels.shape[2] in (1, 3) else None


def picture(pixels: np.ndarray, low: float, high: float) -> str:
    """Return pixels (height, width, 1 or 3) as a PNG data URI, ``low`` black and ``high`` white."""
    shades = np.clip((pixels - low) / ((high - low) or 1.0), 0, 1) * 255
    return png(np.repeat(shades, 3, axis=2) if pixels.shape[2] == 1 else shades)


def difference(before: np.ndarray, after: np.ndarray) -> str:
    """Return what changed as a PNG data URI: blue where a pixel lost, orange where it gained, white where neither."""
    change = (after - before).mean(axis=2, keepdims=True)
    share = change / (np.abs(change).max() or 1.0)
    shades = 255 + np.where(share < 0, LESS - 255, MORE - 255) * np.abs(share)
    return png(shades)


def value_range(*samples: np.ndarray) -> tuple[float, float]:
    """Return the range in which pixels are drawn: 0 to 1, to 16, or to 255, whichever they fit; else their own."""
    low, high = min(float(s.min()) for s in samples), max(float(s.max()) for s in samples)
    return next(((0.0, top) for top in (1.0, 16.0, 255.0) if low >= 0 and high <= top), (low, high))


def png(shades: np.ndarray) -> str:
    """Return colours (height, width, 3) in [0, 255] as a PNG data URI (ISO/IEC 15948: eight bits, true colour)."""
    height, width, _ = shades.shape
    rows = np.ascontiguousarray(np.rint(shades).astype(np.uint8)).reshape(height, 3 * width)
    scanlines = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()  # 0: no filter
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(scanlines, 9)) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
