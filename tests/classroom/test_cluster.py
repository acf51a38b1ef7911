"""A class on a real Dask cluster: the same marks, and nothing lost with a worker."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import gradkit
from gradkit.classroom.cluster import Cluster, ClusterError, portable
from gradkit.classroom.course.roster import enrolment_of
from gradkit.classroom.grade import Grading, Tally
from gradkit.classroom.store.results import Store
from gradkit.classroom.worker_pool import LocalPool
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.classroom import Filed
from gradkit.sandbox import doctor
from gradkit.submission.read import gather
from gradkit.task.assignment import DEFAULT, AssignmentError

STUDENTS = 24

distributed = pytest.importorskip("distributed")

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = Settings(tasks=("regression-numpy",), seed=11, no_reference=True)

# Dask's own threads and sockets end a little after the cluster does.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


class Silent:
    """Watches nothing."""

    def begin(self, total: int) -> None:
        """See `Watch`."""

    def skip(self) -> None:
        """See `Watch`."""

    def step(self, filed: Filed) -> None:
        """See `Watch`."""


@pytest.fixture(scope="module")
def small_class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Submissions, right and wrong."""
    folder = tmp_path_factory.mktemp("class")
    texts = [
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "tests" / "sample_class").glob("*regression*.py"))
        if "torch" not in path.name
    ]
    for number in range(STUDENTS):
        text = f"# student {number}\n{texts[number % len(texts)]}"
        (folder / f"student_{number:02}.py").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a scheduler with two worker processes."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as made:
        yield made.scheduler_address


def results(store: Store) -> dict[str, bytes | str]:
    """The current results by name, as bytes; of what was refused, the sentence."""
    return {
        kept.name: store.result(kept.id) if kept.standing == "graded" else kept.told
        for kept in store.newest()
    }


def graded(
    folder: Path, out: Path, pool: Cluster | LocalPool
) -> tuple[Tally, dict[str, bytes | str]]:
    """Grade a folder with a pool."""
    with Store(out, write=True) as store:
        tally = Grading(store, SETTINGS, Silent()).run(enrolment_of(gather([folder])), pool)
        return tally, results(store)


@pytest.fixture(scope="module")
def local(
    small_class: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Tally, dict[str, bytes | str]]:
    """Grade the class on this machine."""
    with LocalPool(SETTINGS, 2) as workers:
        return graded(small_class, tmp_path_factory.mktemp("local"), workers)


@pytest.mark.slow
def test_a_cluster_gives_the_same_marks(
    small_class: Path, cluster: str, local: tuple, tmp_path: Path
) -> None:
    """Every result is equal to the local run's, tier included."""
    with Cluster(SETTINGS, cluster) as pool:
        tally, far = graded(small_class, tmp_path / "far", pool)
    assert (tally, far) == local
    assert tally.graded == STUDENTS


@pytest.mark.slow
def test_a_lost_worker_costs_nothing(
    small_class: Path, cluster: str, local: tuple, tmp_path: Path
) -> None:
    """One is killed in the middle: each student still has exactly one result, the same."""
    with distributed.Client(cluster) as client:
        victim = next(iter(client.run(os.getpid).values()))
    killer = threading.Thread(target=kill_soon, args=(tmp_path / "far", victim))
    killer.start()
    with Cluster(SETTINGS, cluster) as pool:
        tally, far = graded(small_class, tmp_path / "far", pool)
    killer.join()
    assert not alive(victim)
    assert tally.graded == STUDENTS
    assert far == local[1]


def kill_soon(out: Path, victim: int) -> None:
    """Kill a process as soon as grading has begun."""
    until = time.monotonic() + 60
    while not (out / "class.sqlite").exists() and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.5)
    os.kill(victim, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return False


def test_nobody_at_the_address() -> None:
    """The sentence says how to start a scheduler."""
    with pytest.raises(ClusterError, match=r"no Dask scheduler answers there .*`dask scheduler`"):
        Cluster(SETTINGS, "nonsense://nowhere")


@pytest.mark.slow
def test_a_scheduler_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for a while, and then said."""
    monkeypatch.setattr("gradkit.classroom.cluster.CONNECT_SECONDS", 3)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as made,
        pytest.raises(ClusterError, match=r"the scheduler has no worker. Start one with `dask"),
    ):
        Cluster(SETTINGS, made.scheduler_address)


@pytest.mark.slow
def test_workers_without_gradkit(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are found before anything is sent that they could not read."""
    root = str(Path(gradkit.__file__).parents[1])
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != root])
    with (
        distributed.LocalCluster(n_workers=1, dashboard_address=":0") as made,
        pytest.raises(ClusterError, match=r"gradkit .* is not installed where the worker tcp://"),
    ):
        Cluster(SETTINGS, made.scheduler_address)


@pytest.mark.slow
def test_all_workers_lost(
    small_class: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None comes again: the command ends, with what is graded kept."""
    monkeypatch.setattr("gradkit.classroom.cluster.ALONE_SECONDS", 1)
    with (
        distributed.LocalCluster(n_workers=1, dashboard_address=":0") as made,
        Cluster(SETTINGS, made.scheduler_address) as pool,
    ):
        made.scale(0)
        with pytest.raises(
            ClusterError, match=r"have ended, and no new one has started for 1 seconds"
        ):
            graded(small_class, tmp_path / "far", pool)


@pytest.mark.slow
def test_another_version_on_the_workers(
    small_class: Path, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results of two versions never mix in one class."""
    monkeypatch.setattr(gradkit, "__version__", "99.0")
    with (
        Cluster(SETTINGS, cluster) as pool,
        pytest.raises(GradingError, match=r"this command has 99\.0\. Install the same version"),
    ):
        graded(small_class, tmp_path / "far", pool)


def test_a_worker_that_isolates_too_little(
    small_class: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs nobody's code: the command ends with the worker's sentence."""
    monkeypatch.setattr(doctor, "examine", lambda key: doctor.Examination(1, ()))
    monkeypatch.setattr("gradkit.classroom.cluster._OBJECTIONS", {})
    settings = replace(SETTINGS, require_tier=2)
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as made,
        Cluster(settings, made.scheduler_address) as pool,
        Store(tmp_path, write=True) as store,
        pytest.raises(GradingError, match=r"On a worker of the cluster, .* at isolation tier 1 "),
    ):
        Grading(store, settings, Silent()).run(enrolment_of(gather([small_class])), pool)
    with Store(tmp_path, write=False) as store:
        assert store.newest() == []


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'gradkit\[cluster\]'"):
        Cluster(SETTINGS, "tcp://127.0.0.1:1")


def test_tls_without_certificates() -> None:
    """Dask's configuration is named, and no traceback of Dask's is shown."""
    with pytest.raises(ClusterError, match=r"names no certificates, which tls:// needs. Set dist"):
        Cluster(SETTINGS, "tls://127.0.0.1:1")


def test_what_travels(tmp_path: Path) -> None:
    """The assignment with its data, and the model solutions; no path of this machine."""
    sent = portable(Settings(reference=ROOT / "reference"))
    assert sent.assignment == "assignment.toml"
    assert {*sent.files} > {"assignment.toml"}
    assert "regression_numpy.py" in sent.reference
    assert sent.settings.assignment is None
    assert sent.settings.reference is None


def test_data_outside_of_the_folder(tmp_path: Path) -> None:
    """Where a data file could not be put on another machine, that is said."""
    shutil.copytree(DEFAULT.parent, tmp_path / "assignment")
    file = tmp_path / "assignment" / "assignment.toml"
    text = file.read_text(encoding="utf-8")
    name = next(line for line in text.splitlines() if line.startswith("data = ")).split('"')[1]
    (tmp_path / "assignment" / name).rename(tmp_path / name)
    file.write_text(text.replace(f'"{name}"', f'"../{name}"'), encoding="utf-8")
    with pytest.raises(AssignmentError, match=r"lies outside its folder"):
        portable(Settings(assignment=file))


def test_an_exercise_of_functions_travels() -> None:
    """It has no data, but modules that are handed out; its solutions may lie in folders."""
    sent = portable(Settings(assignment=DEFAULT.parents[1] / "linear-class" / "assignment.toml"))
    assert sent.assignment in sent.files
    assert sent.reference
