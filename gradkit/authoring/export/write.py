"""Exported files on disk: as a folder, or as a zip archive that is the same each time."""

from __future__ import annotations

import zipfile
from pathlib import Path

from gradkit.authoring.export.bundle import ExportError, File, Files

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every member: the same export is the same archive, byte for byte."""


def write_zip(files: Files, path: Path) -> None:
    """Write an archive, whose members carry their permissions.

    Raises
    ------
    ExportError
        There is such a file already, or it cannot be written.
    """
    _absent([path])
    try:
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
            for name, file in sorted(files.items()):
                member = zipfile.ZipInfo(name, EPOCH)
                member.external_attr = (0o100000 | mode(file)) << 16
                member.compress_type = zipfile.ZIP_DEFLATED
                member.create_system = 3  # Unix: else the permissions mean nothing
                archive.writestr(member, file.content)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror}).") from None


def write_folder(files: Files, folder: Path) -> None:
    """Write files below a folder that may be there already; none is overwritten.

    Raises
    ------
    ExportError
        One of them is there already, or it cannot be written.
    """
    _absent([folder / name for name in sorted(files)])
    for name, file in sorted(files.items()):
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            path.chmod(mode(file))
        except OSError as error:
            raise ExportError(f"{path}: cannot be written ({error.strerror}).") from None


def mode(file: File) -> int:
    """Permissions: others read what is no secret and run what is a program."""
    whole = 0o755 if file.program else 0o644
    return whole & 0o700 if file.secret else whole


def _absent(paths: list[Path]) -> None:
    for path in paths:
        if path.exists():
            raise ExportError(
                f"{path} is there already, and nothing is overwritten. Remove it, or name "
                "another place with --out."
            )
