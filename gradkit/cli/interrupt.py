"""How a command ends that is told to: by Ctrl-C, by `kill`, by a terminal that is closed."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

import click

SIGNALS = ("SIGTERM", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """An interrupt by another signal than Ctrl-C's, the one of that ``number``."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextlib.contextmanager
def heeding() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end what is done meanwhile as Ctrl-C does.

    One that is ignored, as `nohup` has it, stays so.
    """
    known = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    heeded = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        # Being told again must not cut short what puts things in order.
        for each in heeded:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    for number in heeded:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def interruptible(more: str) -> Iterator[None]:
    """Say what is kept where what is done meanwhile is interrupted."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise ended(interrupt, more) from None


def ended(interrupt: KeyboardInterrupt, more: str = "") -> click.exceptions.Exit:
    """Say that the command was interrupted, and give the exit that tells by which signal."""
    # Whoever closed the terminal does not read it.
    with contextlib.suppress(OSError):
        click.echo(f"gradkit: interrupted.{more}", err=True)
    number = interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT
    return click.exceptions.Exit(128 + number)
