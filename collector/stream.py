"""A socket that is read and written in large pieces: one system call for hundreds of small MQTT packets."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

CHUNK = 256 * 1024
PUBLISH = 3
MAX_PENDING = 1024 * 1024  # outgoing bytes held while the other side does not read


class BufferedSocket:
    """Stands for a connected, non-blocking socket. `send` only collects; `flush` writes.

    Errors are those of the socket: BlockingIOError (or ssl.SSLWantReadError) from `recv` when nothing is there.
    """

    def __init__(self, sock: "socket.socket | ssl.SSLSocket") -> None:
        self._sock = sock
        self._received = b""
        self._at = 0
        self._outgoing = bytearray()

    def recv(self, size: int) -> bytes:
        at = self._at
        if at == len(self._received):
            self._received = self._sock.recv(CHUNK)
            at = 0
        piece = self._received[at : at + size]
        self._at = at + len(piece)
        return piece

    def publishes(self, take: Callable[[int, bytes], bool]) -> int:
        """Give each whole PUBLISH packet that is received already to `take(first byte, what follows its length)`.

        Ends before what is another packet, is not whole, or `take` refuses: that stays. Returns how many were taken.
        """
        data, at, taken = self._received, self._at, 0
        size = len(data)
        while at + 2 <= size and data[at] >> 4 == PUBLISH:
            start, length = at + 2, data[at + 1]
            shift = 7
            while length >> shift:  # its highest bit: one more byte of the length follows
                if start == size or shift > 21:
                    return taken
                length += (data[start] << shift) - (1 << shift)
                start, shift = start + 1, shift + 7
            end = start + length
            if end > size or not take(data[at], data[start:end]):
                return taken
            at = self._at = end
            taken += 1
        return taken

    def send(self, data: Any) -> int:
        if len(self._outgoing) > MAX_PENDING:
            raise BlockingIOError
        self._outgoing += data
        return len(data)

    def flush(self) -> None:
        """Write what fits. The rest stays; ask `unsent`. Raises OSError when the connection is gone."""
        while self._outgoing:
            try:
                sent = self._sock.send(self._outgoing)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            del self._outgoing[:sent]

    @property
    def unsent(self) -> bool:
        return bool(self._outgoing)

    def pending(self) -> int:
        """Bytes that `recv` can give without asking the system."""
        held = len(self._received) - self._at
        return held + self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else held

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)

    def close(self) -> None:
        """Write what still fits (a goodbye), then close."""
        with suppress(OSError, ValueError):
            self.flush()
        self._sock.close()
