"""A socket that is read and written in large pieces: one system call for hundreds of small MQTT packets."""

import socket
import ssl
from contextlib import suppress
from typing import Any

CHUNK = 256 * 1024
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
