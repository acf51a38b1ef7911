"""The gradkit that runs here, as a wheel: a platform grades with the very code that exports.

Needs neither a checkout nor the network. The files are those of the package, the metadata
those that it was installed with; the archive follows the binary distribution format.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import gradkit
from gradkit.authoring.export.bundle import ExportError
from gradkit.authoring.export.write import EPOCH

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
    at_start = {"gradkit.pth": (root / "pytest_plugin" / "gradkit.pth").read_bytes()}
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
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in whole.items():
            member = zipfile.ZipInfo(name, EPOCH)
            member.external_attr = 0o100644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return buffer.getvalue()


def _hash(content: bytes) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"
