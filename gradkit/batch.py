"""Grade several submissions one after another, as `gradkit check` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gradkit.errors import contain, failed_sentence
from gradkit.report import FORMATS, render

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
    """Grade the submission at each path.

    Parameters
    ----------
    paths : iterable of Path
        Submissions: scripts, notebooks, folders or zips.
    require_tier : int, optional
        Lowest tier of isolation at which code is run, after a test of the sandbox.
    meanwhile : callable, optional
        Function that is called once, while the worker process loads its libraries.
    on_begin : callable, optional
        Function that is called with each path before the submission is graded.
    **settings
        Fields of `gradkit.grading.settings.Settings`, such as ``tasks`` and ``seed``.

    Raises
    ------
    GradkitError
        The assignment or the model solutions cannot be used, or a worker cannot be started.
        Problems of a submission are in ``refused`` of the value instead.

    Examples
    --------
    >>> from pathlib import Path
    >>> batch = grade_files([Path("handed_in/chen.py")], seed=1, no_reference=True)
    >>> [(result.submission, result.score) for result in batch.results]
    [('chen', 15.5)]
    >>> print(rendered(batch, "markdown", hints=1).splitlines()[0])
    ## `chen` 15.5 / 20
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
    """Grade the submission at each path, and again after each save, until an interrupt.

    The first batch has all paths, and so has the batch after each save.

    The worker process stays open, so that all gradings but the first are quick. The package
    watchfiles is needed. The arguments are those of `grade_files`, ``settings`` fields of
    `gradkit.grading.settings.Settings`.
    """
    import watchfiles

    folders = [path if path.is_dir() else path.parent for path in paths]
    files = {os.path.realpath(path) for path in paths if not path.is_dir()}
    # Folders are watched, not files, since an editor may write a new file and rename it.
    saved = watchfiles.watch(
        *folders,
        watch_filter=lambda _, path: not files or os.path.realpath(path) in files,
        debounce=400,
        step=10,
        rust_timeout=50,
        yield_on_timeout=True,
        recursive=not files,
    )
    # Watching starts here, so that a save during the first grading is not missed.
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
    """Open a worker and a session, and yield the function that grades paths with them.

    ``require_tier`` is the lowest tier of isolation, and ``settings`` are fields of
    `gradkit.grading.settings.Settings`. ``on_begin`` is called with each path before it is graded.
    A refused submission, and a fault of gradkit, become a text in the batch.
    """
    # The arrays are too small for threads, and on a busy machine starting threads takes as long
    # as loading the rest of numpy. A number that the user has set is kept.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # The worker loads numpy in its own process while this one does the same.
    from gradkit.sandbox import Workshop

    with Workshop(require_tier=require_tier) as workshop:
        from gradkit.grading.session import Session
        from gradkit.grading.settings import GradingError, Settings, refuse_unsafe
        from gradkit.records.result import Batch

        all_settings = Settings(**settings, require_tier=require_tier or 0)
        if require_tier:
            # A tier is required for other people's code, so the sandbox is tested first.
            refuse_unsafe(all_settings)
        with Session(all_settings, workshop) as session:

            def grade(paths: Iterable[Path]) -> Batch:
                """Grade the submission at each path; list refused ones with their reasons."""
                results, refused = [], []
                for path in paths:
                    if on_begin is not None:
                        on_begin(path)
                    try:
                        results.append(session.check(path))
                    except GradingError as error:
                        refused.append(str(error))
                    except Exception as fault:  # a bug of gradkit must not stop other submissions
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
    """Hide the parts of results that readers of a format may not see; also return the hint level.

    Parameters
    ----------
    batch : Batch
    format_ : str
        Key of `gradkit.report.FORMATS`.
    hints : int, optional
        Hint level, by default that of the assignment for students, or of its instructor.
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
    """Return results as text in a format, without parts that its readers may not see.

    ``format_`` is a key of `gradkit.report.FORMATS`; see `for_readers` for ``hints``.
    """
    shown, level = for_readers(batch, format_, hints)
    return render(format_, shown.results, level, many=len(shown.results) > 1)
