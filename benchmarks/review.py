"""Time the pages of `gradkit review --serve` for a class of 1,000.

Sixty submissions of the sample mistakes are graded, and stored under as many names as there are
students. Each time is that of a request over HTTP. The first page is timed right after the start,
when the server has read the class; then a page after an edit, which changes one student.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from classroom.classes import SETTINGS, mixed  # noqa: E402
from classroom.here import grade_here  # noqa: E402

from gradkit.classroom.store.counted import Counting  # noqa: E402
from gradkit.classroom.store.results import Store  # noqa: E402
from gradkit.classroom.store.reviews import add_comment  # noqa: E402
from gradkit.review.app import application  # noqa: E402
from gradkit.review.server import listen  # noqa: E402
from gradkit.review.workspace import Workspace  # noqa: E402

GRADED = 60
BARS = {"first class": 0.5, "class": 0.5, "class after an edit": 0.5, "student": 0.3}
"""Most seconds of each page."""


def multiply(folder: Path, students: int) -> None:
    """Store the graded submissions again under other names, until there are enough students."""
    with Store(folder, write=True) as store, store.writing():
        rows = store.rows("SELECT * FROM submissions")
        number = len(rows)
        while number < students:
            row = rows[number % len(rows)]
            name = f"student {number:05}"
            new = store.insert(
                "submissions", name=name, path=row["path"], digest=row["digest"], run=row["run"]
            )
            for table in ("results", "listed"):
                (old,) = store.rows(f"SELECT * FROM {table} WHERE submission = ?", (row["id"],))
                facts = {key: old[key] for key in old.keys() if key != "id"}  # noqa: SIM118
                store.insert(table, **{**facts, "submission": new})
            number += 1


def seconds(port: int, path: str) -> float:
    """Return the seconds of one request; its answer must have the status 200."""
    began = time.perf_counter()
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", f"/token/{path}")
        response = connection.getresponse()
        response.read()
        assert response.status == 200, (path, response.status)
    return time.perf_counter() - began


def measure(folder: Path, runs: int) -> dict[str, list[float]]:
    """Return the seconds to load the pages of a class, by page; most are loaded ``runs`` times."""
    import uvicorn

    space = Workspace(folder)
    began = time.perf_counter()
    with space.reading() as store:
        rows = space.rows(store)
    found = {"start": [time.perf_counter() - began]}
    with closing(listen(0)) as listener:
        port = listener.getsockname()[1]
        app = application(space, "token", (f"127.0.0.1:{port}",), "Ada")
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        name = quote(rows[-1].name)
        found["first class"] = [seconds(port, "")]
        found["class"] = [seconds(port, "") for _ in range(runs)]
        found["student"] = [seconds(port, f"student?name={name}") for _ in range(runs)]
        for _ in range(runs):
            with Store(folder, write=True) as store:
                kept = Counting(store).attempts[rows[0].name].kept
                add_comment(store, kept.name, kept.digest, "A comment.")
            found.setdefault("class after an edit", []).append(seconds(port, ""))
        for page in ("items", "similar"):
            found[page] = [seconds(port, page)]
        server.should_exit = True
        thread.join()
    return found


def main() -> int:
    """Print the median times; return 1 if one is above its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        grade_here(mixed(folder / "class", GRADED), folder / "out", SETTINGS)
        multiply(folder / "out", options.students)
        found = measure(folder / "out", options.runs)
    failed = False
    for page, times in found.items():
        median, bar = statistics.median(times), BARS.get(page)
        failed |= bar is not None and median > bar
        print(
            f"{page:20} {1000 * median:7.0f} ms" + (f"  (at most {1000 * bar:.0f})" if bar else "")
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
