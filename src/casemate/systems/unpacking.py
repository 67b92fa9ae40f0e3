"""Unpacking what is compressed, up to a limit: a small file must not fill the memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from casemate.core.errors import ModelUnreadable, PickleRefused

MAX_UNPACKED = 4 << 30
"""Bytes to which a compressed file may grow."""

_OPENERS: dict[bytes, Callable[[io.BytesIO], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
    b"\x5d\x00": lzma.LZMAFile,
}


class TooLarge(ValueError):
    """More than `MAX_UNPACKED` bytes would come out."""

    def __init__(self) -> None:
        super().__init__(f"it grows beyond {MAX_UNPACKED} bytes when it is unpacked; it may be a bomb")


def gunzipped(content: bytes) -> bytes:
    """Return what a gzip file holds.

    Raises:
        TooLarge: it would grow beyond `MAX_UNPACKED`.
        OSError, EOFError, zlib.error: damaged or truncated.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
        plain = stream.read(MAX_UNPACKED + 1)
    if len(plain) > MAX_UNPACKED:
        raise TooLarge
    return plain


def check_archive(archive: zipfile.ZipFile) -> None:
    """Raise TooLarge where the parts of a zip archive state more than `MAX_UNPACKED`; readers stop there."""
    if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
        raise TooLarge


def unpacked(content: bytes) -> bytes:
    """Return the content of a file that may be compressed with gzip, zlib, bz2, xz or lzma.

    Raises:
        ModelUnreadable: damaged, or larger than `MAX_UNPACKED`.
        PickleRefused: compressed with lz4.
    """
    if content.startswith(b"\x04\x22\x4d\x18"):
        raise PickleRefused("the file is compressed with lz4, which is not read here", fix="save it with compress='xz'")
    try:
        if content[:1] == b"\x78" and content[1:2] in b"\x01\x5e\x9c\xda":
            inflate = zlib.decompressobj()
            plain = inflate.decompress(content, MAX_UNPACKED)
            return _whole(plain, inflate.eof)
        for prefix, opener in _OPENERS.items():
            if content.startswith(prefix):
                with opener(io.BytesIO(content)) as stream:
                    return _whole(stream.read(MAX_UNPACKED), not stream.read(1))
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ModelUnreadable(f"the compressed file is damaged or truncated: {error}", fix="save it again") from error
    return content


def _whole(plain: bytes, ended: bool) -> bytes:
    if not ended:
        why = "it may be a bomb" if len(plain) >= MAX_UNPACKED else "its end is missing"
        raise ModelUnreadable(f"the compressed file does not end within {len(plain)} bytes", why=why)
    return plain
