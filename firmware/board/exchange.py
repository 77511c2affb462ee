"""One packet out, its answer back, over sockets that never block: for `board.probe` and `board.sntp`. IPv4."""

import asyncio
import errno
import socket

from .port import const, sleep_ms

WITHIN_MS = 1000  # an answer that takes longer is none
_BYTES = const(128)  # of an answer, as many as anyone here looks at
KEPT_MS = 3600000  # how long the address of a name is kept
AGAIN_MS = 600000  # how soon a name that could not be looked up is tried again
PENDING = (errno.EAGAIN, errno.EINPROGRESS, errno.EALREADY)
REACHED = (errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN, 106, 127)
"""How a second connect ends once the first was answered: refused, lwIP's word for that, EISCONN of Linux and lwIP."""

_kept = {}  # (host, port) -> (socket address or None, when it was looked up)


def address(text, port, uptime):
    """The socket address of "host" or "host:port"; `port` is the default. Raises LookupError if there is none.

    Looking up a name halts a board until the answer is there, for seconds if none comes. So it is done once an hour
    and, after a failure, once in ten minutes; an address known before then stays.
    """
    host, _, given = text.partition(":")
    key = host, int(given or port)
    found, at = _kept.get(key, (None, -KEPT_MS))
    if host.strip("0.") and uptime() - at >= (KEPT_MS if found else AGAIN_MS):
        try:
            found = socket.getaddrinfo(*key, socket.AF_INET)[0][-1]
        except OSError:
            pass
        _kept[key] = found, uptime()
    if not found:
        raise LookupError(host)
    return found


async def exchange(sock, to, packet, accept, mark, uptime) -> tuple:
    """Send `packet`; (what accept(reply, mark) gives, uptime when it was sent, uptime when the answer was seen).

    Only replies of `to` come in. accept gives nothing for what is no answer, or raises ValueError. Without a packet
    the answer is that a TCP connection is made or refused. The pauses between two looks grow, so that a round trip is
    found to 3 % and a long one costs little. Closes the socket. Raises OSError; after 1 s asyncio.TimeoutError or the
    last ValueError.
    """
    error = asyncio.TimeoutError()
    try:
        sock.setblocking(False)
        sent = uptime()
        if packet:
            sock.connect(to)
            sock.send(packet)
        while True:
            try:
                answer = accept(sock.recv(_BYTES), mark) if packet else not sock.connect(to)
                if answer:
                    return answer, sent, uptime()
            except ValueError as no:
                error = no
            except OSError as no:
                if not packet and no.errno in REACHED:
                    return no, sent, uptime()
                if no.errno not in PENDING:
                    raise
            waited = uptime() - sent
            if waited >= WITHIN_MS:
                raise error
            await sleep_ms(1 + waited // 32)
    finally:
        sock.close()
