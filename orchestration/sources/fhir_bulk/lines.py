"""Looks at NDJSON while it streams by: counts its lines and sees whether it is whole. No line is interpreted."""

from __future__ import annotations

import hashlib
import json
import zlib

_GZIP = b"\x1f\x8b"
_GZIP_BITS = 31  # zlib: a gzip header and checksum, the largest window


class NotWhole(Exception):
    """What streamed by is not a whole NDJSON file; `found` says why, without a word of it."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(found)


class Lines:
    """Feed it the bytes of a file, plain or gzip, then ask `finish` for the number of lines that are not blank."""

    def __init__(self) -> None:
        self.bytes = 0
        self.is_gzip = False
        self._sha256 = hashlib.sha256()
        self._inflater = zlib.decompressobj(_GZIP_BITS)
        self._head = b""
        self._tail = b""
        self._n_lines = 0

    @property
    def sha256(self) -> str:
        """Of the bytes as they came."""
        return self._sha256.hexdigest()

    def feed(self, block: bytes) -> None:
        """Take the next bytes. Raises NotWhole when a compressed file is damaged."""
        self._sha256.update(block)
        self.bytes += len(block)
        if len(self._head) < len(_GZIP):
            self._head += block
            if len(self._head) < len(_GZIP):
                return
            self.is_gzip = self._head.startswith(_GZIP)
            block = self._head
        self._count(self._inflated(block) if self.is_gzip else block)

    def finish(self) -> int:
        """The number of lines. Raises NotWhole when the file ends within a line, or holds something else."""
        if len(self._head) < len(_GZIP):
            self._count(self._head)
        if self.is_gzip and not self._inflater.eof:
            raise NotWhole("a compressed file that ends too early")
        if self._tail.strip():
            try:
                json.loads(self._tail)
            except ValueError:
                raise NotWhole("its last line ends too early") from None
            self._n_lines += 1
        return self._n_lines

    def _inflated(self, block: bytes) -> bytes:
        """The text of a block; a gzip file may consist of several members one after the other."""
        parts = []
        try:
            while block:
                if self._inflater.eof:
                    self._inflater = zlib.decompressobj(_GZIP_BITS)
                parts.append(self._inflater.decompress(block))
                block = self._inflater.unused_data
        except zlib.error:
            raise NotWhole("a damaged compressed file") from None
        return b"".join(parts)

    def _count(self, text: bytes) -> None:
        *whole, self._tail = (self._tail + text).split(b"\n")
        written = [line for line in whole if line and not line.isspace()]
        if self._n_lines == 0:
            first = next(iter(written), self._tail).lstrip(b"\xef\xbb\xbf \t\r\n")
            if first and not first.startswith(b"{"):
                raise NotWhole("something else than JSON objects, one a line")
        self._n_lines += len(written)
