"""How commands end: exit codes, and the one sentence where nothing can be done."""

from __future__ import annotations

from typing import IO, Any

import click

PASSED, FAILED, REFUSED, OPEN = 0, 1, 2, 3
"""Every check passed, some did not, could not grade, nothing failed but something could not
be checked."""

INTERRUPTED = 130
"""As shells have it for what Ctrl-C ended."""


class Refusal(click.ClickException):
    """Nothing can be done, and why: one sentence on standard error."""

    exit_code = REFUSED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence."""
        click.echo(f"gradkit: {self.message}", file=file, err=file is None)
