"""Real servers for tests: each in its own folder, on loopback and a free port, and gone when the test run is.

The folder outlives stop(), kill() and restart(), as a server's disk does.
"""

import base64
import os
import pwd
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from itertools import count
from pathlib import Path

from processes import START_WITHIN_S, Server, free_port, program

ROOT = Path(__file__).resolve().parent.parent
MOSQUITTO_CONF = ROOT / "collector" / "mosquitto.conf"


class Mosquitto(Server):
    """mosquitto with the tree's own configuration, its disk in `folder`.

    `users` (name -> password) turns anonymous access off; `acl` is the text of an access file; `extra` lines
    are added to the configuration, or replace those of the same key.
    """

    name = "mosquitto"

    def __init__(self, folder, port=None, *, users=None, acl=None, extra=()) -> None:
        super().__init__(folder, port)
        self.users: dict[str, str] = dict(users or {})
        self.acl = acl
        self.extra = tuple(extra)

    @property
    def url(self) -> str:
        """mqtt://host:port, with the first user's name and password if there are users."""
        for user, password in self.users.items():
            return self.url_of(user, password)
        return f"mqtt://{self.host}:{self.port}"

    def url_of(self, user: str, password: str) -> str:
        return f"mqtt://{user}:{password}@{self.host}:{self.port}"

    def prepare(self) -> list[str]:
        disk = self.folder / "disk"
        disk.mkdir(exist_ok=True)
        lines = [
            f"listener {self.port} {self.host}",
            f"persistence_location {disk}/",
            f"allow_anonymous {'false' if self.users else 'true'}",
            "log_dest stderr",
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # else it becomes another user, who may not enter the test's folder
        if self.users:
            passwords = self.folder / "passwords"
            passwords.unlink(missing_ok=True)
            passwords.touch(0o600)
            for user, password in self.users.items():
                subprocess.run(
                    [program("mosquitto_passwd") or "mosquitto_passwd", "-b", passwords, user, password],
                    check=True,
                    capture_output=True,
                )
            lines.append(f"password_file {passwords}")
        if self.acl is not None:
            (self.folder / "acl").write_text(self.acl)
            (self.folder / "acl").chmod(0o600)
            lines.append(f"acl_file {self.folder / 'acl'}")
        lines.extend(self.extra)
        ours = {line.split()[0] for line in lines} | {"password_file", "acl_file"}
        tree = [
            line
            for line in MOSQUITTO_CONF.read_text(encoding="utf-8").splitlines()
            if line.strip() and not line.lstrip().startswith("#") and line.split()[0] not in ours
        ]
        conf = self.folder / "mosquitto.conf"
        # What belongs to a listener must follow it; what is global may stand anywhere.
        conf.write_text("\n".join([*lines[:1], *tree, *lines[1:]]) + "\n", encoding="utf-8")
        return [program("mosquitto") or "mosquitto", "-c", str(conf)]


class InfluxDB(Server):
    """InfluxDB 1.x. `user` and `password` turn authentication on, with that user as its administrator."""

    name = "influxdb"

    def __init__(self, folder, port=None, *, user=None, password=None) -> None:
        super().__init__(folder, port)
        self.user: str | None = user
        self.password: str | None = password
        self._names = count(1)
        self._rpc = free_port()

    @property
    def http(self) -> str:
        return f"http://{self.host}:{self.port}"

    def url_of(self, database: str) -> str:
        """The telemetry URL of a database."""
        who = f"{self.user}:{self.password}@" if self.user else ""
        return f"influxdb://{who}{self.host}:{self.port}/{database}"

    def database(self, name: str | None = None) -> str:
        """Make a new, empty database and return its telemetry URL."""
        name = name or f"campus_{os.getpid()}_{next(self._names)}"
        self.query(f'CREATE DATABASE "{name}"')
        return self.url_of(name)

    def query(self, text: str, database: str | None = None) -> str:
        """Run InfluxQL and return the answer's JSON text."""
        fields = {"q": text}
        if database:
            fields["db"] = database
        request = urllib.request.Request(f"{self.http}/query", urllib.parse.urlencode(fields).encode())
        if self.user and (self.folder / "user-made").exists():
            secret = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {secret}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def prepare(self) -> list[str]:
        disk = self.folder / "disk"
        conf = self.folder / "influxdb.conf"
        conf.write_text(
            f"""
reporting-disabled = true
bind-address = "{self.host}:{self._rpc}"
[meta]
  dir = "{disk}/meta"
[data]
  dir = "{disk}/data"
  wal-dir = "{disk}/wal"
  index-version = "tsi1"
[monitor]
  store-enabled = false
[http]
  bind-address = "{self.host}:{self.port}"
  auth-enabled = {"true" if self.user else "false"}
  log-enabled = false
""",
            encoding="utf-8",
        )
        return [program("influxd") or "influxd", "-config", str(conf)]

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.http}/ping", timeout=5) as answer:
                return answer.status == 204
        except (urllib.error.URLError, OSError):
            return False

    def ready(self) -> None:
        made = self.folder / "user-made"
        if self.user and not made.exists():  # InfluxDB lets nobody in but to make the first administrator
            self.query(f"CREATE USER \"{self.user}\" WITH PASSWORD '{self.password}' WITH ALL PRIVILEGES")
            made.touch()


class PostgreSQL(Server):
    """PostgreSQL, trusting loopback. Run as the `postgres` user where the tests run as root.

    Databases belong to the role `campus`, which is no superuser: so row-level security holds it. `fsync` off saves
    seconds; a killed process loses nothing by it, only a machine would.
    """

    name = "postgresql"
    user, superuser = "campus", "postgres"

    def __init__(self, folder, port=None) -> None:
        super().__init__(folder, port)
        self._names = count(1)
        self._socket = self.folder / "socket"

    def url_of(self, database: str, user: str = user) -> str:
        return f"postgresql+psycopg://{user}@{self.host}:{self.port}/{database}"

    @property
    def url(self) -> str:
        """The records URL of the database that is there from the start. Tests take `database()`."""
        return self.url_of("postgres")

    def database(self, name: str | None = None) -> str:
        """Make a new, empty database and return its records URL."""
        name = name or f"campus_{next(self._names)}"
        self._run("createdb", *self._as_superuser(), "-O", self.user, name)
        return self.url_of(name)

    def ready(self) -> None:
        made = self.folder / "role-made"
        if not made.exists():
            self._run("createuser", *self._as_superuser(), self.user)
            made.touch()

    def _as_superuser(self) -> list[str]:
        return ["-h", self.host, "-p", str(self.port), "-U", self.superuser]

    def prepare(self) -> list[str]:
        disk = self.folder / "disk"
        if not (disk / "PG_VERSION").exists():
            for folder in (disk, self._socket):
                folder.mkdir(exist_ok=True)
                if os.geteuid() == 0:
                    owner = pwd.getpwnam("postgres")
                    os.chown(folder, owner.pw_uid, owner.pw_gid)
            self._enter()
            self._run(
                *("initdb", "-D", str(disk), "-U", self.superuser, "--auth=trust", "--encoding=UTF8"),
                *("--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            )
        settings = ("fsync=off", "shared_buffers=16MB", f"unix_socket_directories={self._socket}")
        return [
            *self._as_postgres(),
            program("postgres") or "postgres",
            *("-D", str(disk), "-h", self.host, "-p", str(self.port)),
            *(part for setting in settings for part in ("-c", setting)),
        ]

    def answers(self) -> bool:
        asked = [program("pg_isready") or "pg_isready", "-q", "-h", self.host, "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def stop(self) -> None:
        """A fast shutdown: SIGINT, since SIGTERM waits for every client to leave."""
        if self._process is not None and self.running:
            self._process.send_signal(2)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
        super().stop()

    def __exit__(self, *error) -> None:
        self.stop()  # killed, it would leave its own children to whoever collects orphans

    def _as_postgres(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--reset-env"]

    def _enter(self) -> None:
        """Let another user pass through the test's folders to its own."""
        if os.geteuid() != 0:
            return
        for folder in self.folder.resolve().parents:
            if folder == Path("/tmp") or folder == folder.parent:
                break
            folder.chmod(folder.stat().st_mode | 0o011)
        self.folder.chmod(self.folder.stat().st_mode | 0o011)

    def _run(self, name: str, *arguments: str) -> None:
        command = [*(self._as_postgres() if name == "initdb" else []), program(name) or name, *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr[-1000:]}")


class Chrony(Server):
    """chronyd as a time server that leaves the machine's own clock alone. It speaks UDP; its time is the machine's."""

    name = "chrony"

    def prepare(self) -> list[str]:
        conf = self.folder / "chrony.conf"
        lines = [
            f"port {self.port}",
            f"bindaddress {self.host}",
            "allow 127.0.0.1",
            "local stratum 8",  # it serves time although nobody tells it
            "cmdport 0",
            "bindcmdaddress /",  # no socket in /run
            f"pidfile {self.folder / 'chronyd.pid'}",
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",
        ]
        conf.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [program("chronyd") or "chronyd", "-x", "-d", "-U", "-f", str(conf)]

    def answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            try:
                sock.connect((self.host, self.port))
                sock.send(b"\x23" + bytes(47))
                return len(sock.recv(128)) == 48
            except OSError:
                return False

    def _wait(self) -> bool:
        until = time.monotonic() + START_WITHIN_S
        while time.monotonic() < until and self.running:
            if self.answers():
                return True
            time.sleep(0.02)
        return False
