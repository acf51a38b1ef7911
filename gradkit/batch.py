"""Grade several submissions one after another, as `gradkit check` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gradkit.errors import contain, failed_sentence
from gradkit.report.formats import FORMATS, render

if TYPE_CHECKING:
    from gradkit.records.result import Batch


def grade_files(
    paths: Iterable[Path],
    *,
    require_tier: int | None = None,
    meanwhile: Callable[[], object] | None = None,
    on_begin: Callable[[Path], object] | None = None,
    **settings: Any,
) -> Batch:
    """Grade what is at each path.

    Parameters
    ----------
    paths : iterable of Path
        Each is one submission: a script, a notebook, a folder or a zip.
    require_tier : int, optional
        Tier of isolation below which nothing is run, which a canary tries first.
    meanwhile : callable, optional
        Called once, while the process that is to run the code loads its libraries.
    on_begin : callable, optional
        Called with each path before it is graded.
    **settings
        Fields of `gradkit.grading.settings.Settings`, such as ``tasks`` and ``seed``.

    Raises
    ------
    GradkitError
        The assignment, the model solutions or a worker cannot be had. What is wrong with one
        submission is in ``refused`` instead.

    Examples
    --------
    >>> from pathlib import Path
    >>> batch = grade_files([Path("handed_in/chen.py")], seed=1, no_reference=True)
    >>> [(result.submission, result.score) for result in batch.results]
    [('chen', 16.25)]
    >>> print(rendered(batch, "markdown", hints=1).splitlines()[0])
    ## `chen` 16.25 / 20
    """
    with _grader(require_tier, settings, on_begin) as grade:
        if meanwhile is not None:
            meanwhile()
        return grade(paths)


def grade_on_save(
    paths: Sequence[Path],
    *,
    require_tier: int | None = None,
    on_begin: Callable[[Path], object] | None = None,
    **settings: Any,
) -> Iterator[Batch]:
    """Grade what is at each path, and again whenever it is saved, until there is an interrupt.

    What runs the code stays at hand meanwhile, so that all but the first are quick. Needs
    watchfiles. For the rest see `grade_files`.
    """
    import watchfiles

    folders = [path if path.is_dir() else path.parent for path in paths]
    files = {os.path.realpath(path) for path in paths if not path.is_dir()}
    # An editor may write another file and rename it: the folder is what sees that.
    saved = watchfiles.watch(
        *folders,
        watch_filter=lambda _, path: not files or os.path.realpath(path) in files,
        debounce=400,
        step=10,
        rust_timeout=50,
        yield_on_timeout=True,
        recursive=not files,
    )
    # It looks from here on: what is saved while the first is graded is not missed.
    next(saved)
    with _grader(require_tier, settings, on_begin) as grade:
        yield grade(paths)
        yield from (grade(paths) for changes in saved if changes)


@contextmanager
def _grader(
    require_tier: int | None,
    settings: Mapping[str, Any],
    on_begin: Callable[[Path], object] | None = None,
) -> Iterator[Callable[[Iterable[Path]], Batch]]:
    """Open a worker and a session, and give the function that grades paths with them."""
    # No array here is large enough for threads, and starting them takes as long as the rest
    # of numpy on a busy machine. Whoever has set a number keeps it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # The worker loads numpy in its own process while this one does the same.
    from gradkit.sandbox import Workshop

    with Workshop(require_tier=require_tier) as workshop:
        from gradkit.grading.session import Session
        from gradkit.grading.settings import GradingError, Settings, refuse_unsafe
        from gradkit.records.result import Batch

        made = Settings(**settings, require_tier=require_tier or 0)
        if require_tier:
            # Who asks for a tier runs others' code: a name is not enough then.
            refuse_unsafe(made)
        with Session(made, workshop) as session:

            def grade(paths: Iterable[Path]) -> Batch:
                results, refused = [], []
                for path in paths:
                    if on_begin is not None:
                        on_begin(path)
                    try:
                        results.append(session.check(path))
                    except GradingError as error:
                        refused.append(str(error))
                    except Exception as fault:  # costs this submission, never the others
                        contain(fault, f"over {path.name!r}")
                        refused.append(f"{path.name}: {failed_sentence(fault)}")
                return Batch(
                    tuple(results),
                    tuple(refused),
                    session.keyed,
                    session.assignment.hints,
                    session.hints,
                )

            yield grade


def for_readers(batch: Batch, format_: str, hints: int | None = None) -> tuple[Batch, int]:
    """Cut results to what the readers of a format may see, and give the hint level for them.

    Parameters
    ----------
    batch : Batch
    format_ : str
        A word of `gradkit.report.formats.FORMATS`.
    hints : int, optional
        Another level than the assignment's.
    """
    shape = FORMATS[format_]
    level = hints or (batch.hints if shape.for_students else batch.own_hints)
    if shape.dated or (batch.keyed and not shape.for_students):
        return batch, level
    from gradkit.report.data import apply_visibility

    return replace(
        batch, results=tuple(apply_visibility(result) for result in batch.results)
    ), level


def rendered(batch: Batch, format_: str = "text", hints: int | None = None) -> str:
    """Write results in a format, cut to what its readers may see. See `for_readers`."""
    shown, level = for_readers(batch, format_, hints)
    return render(format_, shown.results, level, many=len(shown.results) > 1)
