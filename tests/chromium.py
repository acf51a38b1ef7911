"""A real browser for tests, if one is installed. `tests/conftest.py` has the fixture."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def lacking(reason: str) -> None:
    """Skip the test, or fail it if the environment requires a browser."""
    if os.environ.get("GRADKIT_BROWSER") == "required":
        pytest.fail(f"GRADKIT_BROWSER=required, but {reason}")
    pytest.skip(reason)


def press(page: Any, key: str) -> None:
    """Press a key once the page's script has run; before, keys are lost."""
    page.wait_for_load_state()
    page.keyboard.press(key)


def violations(page: Any) -> list[str]:
    """Return the accessibility problems that axe finds, with rule and element."""
    if importlib.util.find_spec("axe_playwright_python") is None:
        lacking("axe-playwright-python is not installed: pip install 'gradkit[browser]'")
    from axe_playwright_python.sync_playwright import Axe

    response = Axe().run(page).response
    assert len(response["passes"]) > 15, "axe looked at hardly anything"
    return [
        f"{found['id']}: {found['help']}: {node['html'][:150]} {node['failureSummary'][:300]}"
        for found in response["violations"]
        for node in found["nodes"]
    ]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start Chromium without a window, once for all tests."""
    command = next(filter(None, map(shutil.which, COMMANDS)), None)
    if command is None:
        lacking("there is no Chromium: install it, or leave out what is marked browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("playwright is not installed: pip install 'gradkit[browser]'")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if root else [])]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=command, args=arguments)
        yield started
        started.close()
