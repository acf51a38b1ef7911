"""Choose how gradkit is installed from an export: from a wheel in it, unless told otherwise.

A requirement is only of use where pip finds it, and gradkit is on no package index. A wheel that is
carried along needs neither index nor network for gradkit itself, and is the very code that exports.
"""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import zipfile
from base64 import urlsafe_b64encode
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from msgspec import Struct

import gradkit
from gradkit.authoring.export.bundle import ExportError, File, Files
from gradkit.writing import add_member

WHEEL = """\
Wheel-Version: 1.0
Generator: gradkit {version}
Root-Is-Purelib: true
Tag: py3-none-any
"""


def running_wheel() -> tuple[str, bytes]:
    """Name and content of a wheel of this gradkit.

    Raises
    ------
    ExportError
        gradkit runs from a folder and was never installed, so that its requirements are
        not known.
    """
    try:
        installed = distribution("gradkit")
    except PackageNotFoundError:
        raise ExportError(
            "gradkit is not installed here, so that its requirements are not known. Install it, "
            "or name a wheel with --install."
        ) from None
    root = Path(gradkit.__file__).parent
    # In a checkout it lies beside the plugin, installed where Python reads it.
    places = (root / "pytest_plugin" / "gradkit.pth", root.parent / "gradkit.pth")
    at_start = {"gradkit.pth": next(each for each in places if each.exists()).read_bytes()}
    members = {**_package(root), **at_start, **_metadata(installed)}
    return f"gradkit-{installed.version}-py3-none-any.whl", _archive(members, installed.version)


def _package(root: Path) -> dict[str, bytes]:
    return {
        f"gradkit/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _metadata(installed: Distribution) -> dict[str, bytes]:
    folder = f"gradkit-{installed.version}.dist-info"
    texts = {
        "METADATA": installed.read_text("METADATA"),
        "entry_points.txt": installed.read_text("entry_points.txt"),
        "WHEEL": WHEEL.format(version=installed.version),
    }
    return {f"{folder}/{name}": text.encode() for name, text in texts.items() if text}


def _archive(members: dict[str, bytes], version: str) -> bytes:
    record = f"gradkit-{version}.dist-info/RECORD"
    lines = [f"{name},{_hash(content)},{len(content)}" for name, content in members.items()]
    whole = {**members, record: "\n".join([*lines, f"{record},,", ""]).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in whole.items():
            add_member(archive, name, content)
    return buffer.getvalue()


def _hash(content: bytes) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"


SUFFIX = ".whl"


class Install(Struct, frozen=True):
    """What pip is given: a requirement or an address, or the name of the ``wheel`` that is carried.

    ``wheel`` is its content, None where nothing is carried.
    """

    what: str
    wheel: bytes | None = None


def choose(asked: str | None) -> Install:
    """Read the value of `--install`; None carries a wheel of the gradkit that runs.

    Raises
    ------
    ExportError
        It is nothing that others could install, or a wheel that cannot be read.
    """
    if asked is None:
        return _running()
    if not asked.strip() or asked.startswith("-") or not asked.isprintable():
        raise _refusal(asked, "is nothing that pip could be given")
    address = "://" in asked
    if asked.endswith(SUFFIX) and not address:
        try:
            return Install(Path(asked).name, Path(asked).read_bytes())
        except OSError as error:
            raise _refusal(asked, f"cannot be read ({error.strerror})") from None
    # What pip would take for a path.
    path = asked.startswith(".") or {"/", os.sep} & set(asked)
    if "file:" in asked or (path and not address):
        raise _refusal(asked, "is a place on this machine, which others do not have")
    return Install(asked)


@cache
def _running() -> Install:
    return Install(*running_wheel())


def _refusal(asked: str, why: str) -> ExportError:
    return ExportError(
        f"--install {asked}: {why}. Name a wheel (FILE{SUFFIX}), which is then carried along, a "
        "requirement as gradkit==1.0, or an address that all who get it can reach."
    )


def words(given: Install, folder: str = ".") -> str:
    """Return the argument of `pip install` in a shell, with the wheel in ``folder`` (quoted)."""
    quoted = shlex.quote(given.what)
    return quoted if given.wheel is None else f"{folder}/{quoted}"


def carried(given: Install, folder: str = "") -> Files:
    """The wheel by its path in a folder that ends with a slash, or nothing."""
    return {} if given.wheel is None else {f"{folder}{given.what}": File(given.wheel)}


def wheel_alone(given: Install) -> Files:
    """The wheel, to be handed out by itself.

    Raises
    ------
    ExportError
        It is no wheel that was asked for.
    """
    if given.wheel is None:
        raise _refusal(given.what, "is no wheel, and a wheel is what is to be written")
    return carried(given)
