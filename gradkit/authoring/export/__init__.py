"""An assignment packed for a platform: files in memory, then a folder or a zip archive."""

from __future__ import annotations

from gradkit.authoring.export.bundle import Bundle, ExportError, bundle, write_folder, write_zip

__all__ = ["Bundle", "ExportError", "bundle", "write_folder", "write_zip"]
