"""An installed mosquitto as a child of this process: boards on the network with TLS, our own programs on loopback.

It is started from DIR/broker, restarted when it dies, told of changed accounts and certificates, stopped at the end.
mosquitto 2.0 reads passwords, rules and certificates again on SIGHUP, and disconnects whom the new ones shut out.
"""

import errno
import logging
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from campus.boards.accounts import Accounts
from campus.boards.authority import SERVER, Authority
from campus.boards.files import locked, make_folder, replace
from campus.boards.rights import COLLECTOR
from campus.boards.setup import Setup
from campus.errors import CampusError, StoreError, UsageError
from collector.address import free_port
from collector.installed import end_stale, program

log = logging.getLogger(__name__)

CHECK_S = 0.5
START_S = 15.0
STOP_S = 10.0
FIRST_PAUSE_S, LAST_PAUSE_S = 1.0, 30.0
STEADY_S = 60.0  # having run so long, it may be started again at once
DAY_S = 24 * 3600.0
CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00"  # nobody, MQTT 3.1.1; the answer is a refusal
STAMP = re.compile(r"^\d+: ")  # before it has read that there shall be none
WAYS_OUT = {
    errno.EADDRINUSE: "Stop what uses it, or choose another port with `campus init --port`.",
    errno.EADDRNOTAVAIL: "This machine has no such address now: choose another with `campus init --listen`.",
    errno.EACCES: "Choose a port above 1023 with `campus init --port`.",
}
"""Why boards cannot be listened to -> what to do."""
TREE = Path(__file__).with_name("mosquitto.conf")


class ManagedMosquitto:
    """`start()` to `stop()`; `url(user)` is how a service of this server connects; `problem` is a sentence or None."""

    def __init__(self, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder.absolute()
        self.accounts = Accounts(self.folder)
        self.authority = Authority(self.folder)
        self.setup: Setup
        self.port = 0  # of the loopback listener
        self.problem: str | None = None
        self._conf = self.folder / "mosquitto.conf"
        self._monotonic = monotonic
        self._process: subprocess.Popen[bytes] | None = None
        self._said: deque[str] = deque(maxlen=20)
        self._certificate = (0, 0)
        self._renew_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="mosquitto", daemon=True)

    def start(self) -> None:
        """Raises CampusError: not set up, a key lost, not installed, too old, a port in use, mosquitto's last words."""
        setup = Setup.load(self.folder)
        if setup is None:
            raise UsageError(f"{self.folder} holds no broker yet: run `campus init` first.")
        self.setup, self._program = setup, program()
        end_stale(self._conf)
        refuse_taken(setup)
        self.accounts.require()
        try:
            self._renew()
        except StoreError:
            if self._lost() or self.authority.days_left() < 0:
                raise
            # The certificate is good for some days more: boards are served, and the watch says what is wrong.
        self._certificate = _mark(self.authority.server_file)
        self.accounts.ensure_services()
        self.accounts.project()
        self.port = free_port()
        make_folder(self.folder / "persistence")
        with locked(self.folder):
            replace(self._conf, configuration(setup, self.folder, self.port).encode())
        try:
            self._launch()
        except BaseException:
            self._end()
            raise
        self._thread.start()

    def url(self, user: str = COLLECTOR) -> str:
        password = self.accounts.service_password(user)
        return f"mqtt://{user}:{quote(password)}@127.0.0.1:{self.port}"

    def reload(self) -> None:
        """Have mosquitto read accounts, rules and certificate again; who may no longer be there is disconnected."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """mosquitto saves sessions and retained messages before it ends."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(START_S + STOP_S)
        self._end()

    # the process

    def _launch(self) -> None:
        self._said.clear()
        process = subprocess.Popen(
            [self._program, "-c", self._conf],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the collector, which says goodbye to it first
        )
        self._process = process
        relay = threading.Thread(
            target=self._relay, args=(process.stderr,), name="mosquitto-log", daemon=True
        )
        relay.start()
        until = self._monotonic() + START_S
        while not answers(self.port) and not self._stop.is_set():
            if process.poll() is not None:
                relay.join(1)
                raise CampusError(f"mosquitto did not start: {self._last_words()}")
            if self._monotonic() > until:
                raise CampusError(f"mosquitto did not answer within {START_S:.0f} s: {self._last_words()}")
            time.sleep(0.02)

    def _relay(self, lines: IO[bytes]) -> None:
        with lines:
            for line in lines:
                text = STAMP.sub("", line.decode(errors="replace").rstrip())
                self._said.append(text)
                log.log(
                    logging.WARNING if text.startswith(("Error", "Warning")) else logging.INFO, "%s", text
                )

    def _last_words(self) -> str:
        return next(
            (line for line in reversed(self._said) if line.startswith("Error:")), "it did not say why."
        )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # while it runs

    def _watch(self) -> None:
        pause, began = FIRST_PAUSE_S, self._monotonic()
        while not self._stop.wait(CHECK_S):
            try:
                if self._process is not None and self._process.poll() is None:
                    self._keep_up()
                    self.problem = None
                    continue
                if self._monotonic() - began > STEADY_S:
                    pause = FIRST_PAUSE_S
                self.problem = self.problem or self._ended()
                if self._stop.wait(pause):
                    return
                pause, began = min(pause * 2, LAST_PAUSE_S), self._monotonic()
                self._end()
                self._launch()
                log.warning("mosquitto is up again.")
            except Exception as error:
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        """What is wrong becomes `problem`, and is logged once: it may stay so for days."""
        expected = isinstance(error, CampusError | OSError)
        told = str(error) if expected else f"mosquitto is not looked after ({error!r}): see the log."
        if told != self.problem:
            log.warning("%s", told, exc_info=None if expected else error)
        self.problem = told

    def _ended(self) -> str:
        code = self._process.returncode if self._process else None
        log.warning("mosquitto ended (exit code %s): %s", code, self._last_words())
        return f"mosquitto ended by itself (exit code {code}) and is being started again."

    def _keep_up(self) -> None:
        """Bring mosquitto in step with accounts and certificate, which other processes may change."""
        if self.accounts.project():
            self.reload()
        if self._monotonic() >= self._renew_at or not self.authority.server_file.exists():
            self._renew()
        certificate = _mark(self.authority.server_file)
        if certificate != self._certificate:
            self._certificate = certificate
            self.reload()

    def _renew(self) -> None:
        """At the start and once a day: a new server certificate when it is due. Raises StoreError for a lost key."""
        if lost := self._lost():
            raise StoreError(
                f"The {' and the '.join(lost)} of {self.folder} is gone: bring it back from a backup, "
                "or run `campus init` for a new one, and set up every board anew."
            )
        hosts = self._hosts()
        for made in self.authority.ensure(hosts):
            log.warning("New %s: %s", made, ", ".join(hosts))
        self._renew_at = self._monotonic() + DAY_S

    def _lost(self) -> list[str]:
        """What boards carry the other half of: it is never made anew behind a person's back."""
        return sorted(set(self.authority.missing(self._hosts())) - {SERVER})

    def _hosts(self) -> tuple[str, ...]:
        return (Setup.load(self.folder) or self.setup).hosts


def configuration(setup: Setup, folder: Path, loopback_port: int) -> str:
    """The text of mosquitto's configuration: what the tree has, then what is of this folder.

    On the network a client's id is its user name, whatever it says: so no board can push out another one's session.
    """
    return "\n".join(
        [
            TREE.read_text(encoding="utf-8"),
            *(["user root"] if os.geteuid() == 0 else []),  # else it becomes a user who may read none of this
            "log_dest stderr",
            "log_timestamp false",
            f"persistence_location {folder}/persistence/",
            f"password_file {folder}/passwords",
            f"acl_file {folder}/acl",
            f"listener {loopback_port} 127.0.0.1",
            f"listener {setup.port} {setup.listen}",
            f"cafile {folder}/ca.pem",
            f"certfile {folder}/server.pem",
            f"keyfile {folder}/server.pem",
            "tls_version tlsv1.2",
            "use_username_as_clientid true",
            "",
        ]
    )


def refuse_taken(setup: Setup) -> None:
    """Raises CampusError when another program has the port that boards connect to."""
    with socket.socket(socket.AF_INET6 if ":" in setup.listen else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((setup.listen, setup.port))
        except OSError as error:
            raise CampusError(
                f"Boards cannot be served on {setup.listen}:{setup.port}: {error.strerror}. "
                + WAYS_OUT.get(error.errno or 0, "Choose another with `campus init`.")
            ) from error


def answers(port: int) -> bool:
    """Whether an MQTT broker on loopback answers a client, be it with a refusal."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as asked:
            asked.settimeout(1)
            asked.sendall(CONNECT)
            return asked.recv(1) == b"\x20"
    except OSError:
        return False


def _mark(file: Path) -> tuple[int, int]:
    told = file.stat()
    return told.st_mtime_ns, told.st_ino
