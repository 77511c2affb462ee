"""The systemd unit of `campus up` on one data folder."""

import os
import pwd
import sys
from pathlib import Path

from campus.settings import Settings

NAME = "campus.service"
TOLD = ("http", "hosts", "tz")  # settings that hold no secret: a unit's command line is open to all


def unit(settings: Settings) -> str:
    """Its text: as the folder's owner, with no more than it needs. Settings with secrets go to DIR/campus.env."""
    data = settings.data.absolute()
    told = [
        word
        for name, default, _ in Settings.table()
        if name in TOLD and getattr(settings, name) != default
        for word in (f"--{name}", getattr(settings, name))
    ]
    command = " ".join(map(_word, [_program(), "up", "--data", str(data), *told]))
    user = _name(data.stat().st_uid if data.exists() else os.geteuid())
    return f"""[Unit]
Description=Campus Monitor
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
User={user}
ExecStart={command}
EnvironmentFile=-{_plain(data / "campus.env")}
Restart=on-failure
RestartSec=5
# Only the main process is asked to stop: it says goodbye to the broker, then stops it.
KillMode=mixed
TimeoutStopSec=90
LimitNOFILE=65536
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths={_quoted(str(data))}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # of a container, say; systemd takes numbers too
        return str(user)


def _program() -> str:
    beside = Path(sys.executable).absolute().with_name("campus")
    return str(beside if beside.exists() else Path(sys.argv[0]).absolute())


def _plain(path: Path) -> str:
    return str(path).replace("%", "%%")


def _word(text: str) -> str:
    """One word of a systemd command line, where $ begins a variable."""
    return _quoted(text.replace("$", "$$"))


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"' if not text or set(text) & set(" \t'\\\"") else text
