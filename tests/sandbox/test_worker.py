"""Requests to a worker, and all ways in which it can be lost."""

import signal
import time

import numpy as np
import pytest
from worker_watch import is_gone, open_workshop, quickest

from gradkit.runtime.frames import Frame, FrameError
from gradkit.sandbox import Allowance, WorkerLost

pytestmark = pytest.mark.sample(12)


def loss(workshop, kind, seconds=2.0, **data):
    """Send a request that loses the worker, and return the exception."""
    with workshop.worker() as worker, pytest.raises(WorkerLost) as caught:
        worker.ask(Frame(kind, {}, data), seconds)
    return caught.value


class TestAsking:
    """Requests and replies."""

    def test_round_trip(self, workshop):
        """A reply carries arrays and data, one request after the other."""
        sent = Frame("echo", {"a": np.arange(6.0).reshape(2, 3)}, {"x": [1, "é", None]})
        with workshop.worker() as worker:
            for _ in range(3):
                reply = worker.ask(sent, 2.0)
                assert reply.kind == "echoed"
                assert reply.arrays["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
                assert reply.data == {"x": [1, "é", None]}

    def test_large_frames(self, workshop):
        """Frames may be larger than the buffer of the channel, in both directions."""
        big = np.random.default_rng(0).random((1024, 1024))
        with workshop.worker() as worker:
            reply = worker.ask(Frame("echo", {"a": big}), 10.0)
        assert np.array_equal(reply.arrays["a"], big)

    def test_seed(self, workshop):
        """Random numbers depend only on the seed."""
        drawn = []
        for seed in (1, 1, 2**64 - 1):
            with workshop.worker(seed=seed) as worker:
                drawn.append(worker.ask(Frame("draw"), 2.0).arrays["numbers"].tolist())
        assert drawn[0] == drawn[1]
        assert drawn[0] != drawn[2]

    def test_failing_handler(self, workshop):
        """An exception of a handler is sent as an error, and the worker goes on."""
        with workshop.worker() as worker:
            reply = worker.ask(Frame("fail"), 2.0)
            assert reply.kind == "error"
            assert reply.data["text"].startswith("RuntimeError: went wrong long long")
            assert len(reply.data["text"].encode()) == 2000
            assert worker.ask(Frame("fail-unspeakably"), 2.0).data == {
                "text": "UnspeakableError: (its text cannot be had)"
            }
            assert worker.ask(Frame("quit-politely"), 2.0).data == {"text": "SystemExit: 3"}
            assert (
                "no handler for 'nonsense', there are"
                in (worker.ask(Frame("nonsense"), 2.0).data["text"])
            )
            assert (
                "25165824 body bytes, at most" in worker.ask(Frame("oversized"), 2.0).data["text"]
            )
            assert worker.ask(Frame("echo"), 2.0).kind == "echoed"

    def test_oversized_request(self, workshop):
        """A request that is too large is refused, and the worker goes on."""
        with workshop.worker() as worker:
            with pytest.raises(FrameError, match="body bytes, at most"):
                worker.ask(Frame("echo", {"a": np.zeros(9 << 20)}), 2.0)
            assert worker.ask(Frame("echo"), 2.0).kind == "echoed"


class TestOutput:
    """The printed output of student code."""

    def test_output_belongs_to_one_request(self, workshop):
        """Terminal sequences are removed."""
        with workshop.worker() as worker:
            worker.ask(Frame("say", {}, {"text": "héllo\n"}), 2.0)
            assert set(worker.output.split()) == {"héllo", "to", "error", "raw"}
            worker.ask(Frame("echo"), 2.0)
            assert worker.output == ""

    def test_output_is_cut(self, workshop):
        """Output above the allowance is counted and dropped; the request is answered."""
        with workshop.worker() as worker:
            worker.ask(Frame("print-much", {}, {"lines": 20_000}), 5.0)
            assert worker.output.startswith("y" * 99 + "\n" + "y" * 99)
            assert len(worker.output) < 70_000
            assert worker.output.endswith(
                f"… {2_000_000 - 65_536} more bytes were printed and dropped"
            )
            worker.ask(Frame("echo"), 2.0)
            assert worker.output == ""

    def test_flood(self, workshop):
        """Endless output does not fill the memory, and is stopped at the deadline."""

        def flood():
            with workshop.worker() as worker:
                started = time.monotonic()
                with pytest.raises(WorkerLost, match=r"it took longer than 0\.2 s"):
                    worker.ask(Frame("flood"), 0.2)
                took = time.monotonic() - started
                assert len(worker.output) < 66_000
                return took

        spent = quickest(flood, 0.4)
        assert spent < 0.4


class TestLosing:
    """Each way to lose a worker has its kind and its text."""

    def test_hang(self, workshop):
        """A process that ignores all signals ends within 0.1 s of its deadline."""
        with workshop.worker() as worker:
            pid = worker.ask(Frame("look"), 2.0).data["pid"]
            started = time.monotonic()
            with pytest.raises(WorkerLost) as caught:
                worker.ask(Frame("hang"), 0.3)
            assert time.monotonic() - started >= 0.3
            assert caught.value.kind == "timeout"
            assert caught.value.detail == "was stopped, because it took longer than 0.3 s"
            assert worker.output == "about to hang\n"
            assert is_gone(pid)
            with pytest.raises(WorkerLost, match=r"it took longer than 0\.3 s"):
                worker.ask(Frame("echo"), 1.0)

    def test_timeout_ends_the_process_promptly(self, workshop):
        """A worker that hangs is killed and reaped within 0.1 s of its deadline."""

        def hang():
            with workshop.worker() as worker:
                started = time.monotonic()
                with pytest.raises(WorkerLost):
                    worker.ask(Frame("hang"), 0.1)
                return time.monotonic() - started

        spent = quickest(hang, 0.2)
        assert 0.1 <= spent < 0.2

    def test_whole_deadline(self, workshop):
        """The worker's own deadline applies if it is earlier than that of a request."""
        with workshop.worker(deadline=0.3) as worker:
            started = time.monotonic()
            with pytest.raises(
                WorkerLost, match=r"all calls of this task took longer than 0\.3 s in total"
            ):
                worker.ask(Frame("hang"), 30.0)
            assert time.monotonic() - started < 5.0

    @pytest.mark.parametrize("code", [0, 3, 70])
    def test_exit(self, workshop, code):
        """The loss names the exit code, even if it is one of gradkit's own."""
        lost = loss(workshop, "leave", code=code)
        assert lost.kind == "exit"
        assert str(lost) == (
            f"the process that ran the submission ended itself with os._exit({code}) or a similar "
            "call"
        )

    def test_segfault(self, workshop):
        """The loss names the signal."""
        lost = loss(workshop, "segfault")
        assert lost.kind == "crash"
        assert lost.detail.startswith("was ended by SIGSEGV, because it used invalid memory")

    @pytest.mark.parametrize(
        ("number", "kind", "text"),
        [
            (signal.SIGABRT, "crash", "was ended by SIGABRT"),
            (signal.SIGRTMIN + 3, "crash", f"was ended by signal {signal.SIGRTMIN + 3}"),
            (signal.SIGXCPU, "timeout", "was stopped, because it used too much processor time"),
            (signal.SIGKILL, "memory", "was killed by the system, probably because"),
        ],
    )
    def test_signals(self, forks, number, kind, text):
        """Signals that mean no crash have a loss of another kind."""
        lost = loss(forks, "signalled", signal=int(number))
        assert lost.kind == kind
        assert lost.detail.startswith(text)

    def test_garbage(self, forks):
        """Bytes that are no frame end the worker."""
        lost = loss(forks, "garbage")
        assert lost.kind == "protocol"
        assert lost.detail == ("sent an invalid reply: a frame begins with b'GKF1', found b'GET '")

    def test_partial_frame(self, forks):
        """After an incomplete frame, the loss says how the process ended."""
        assert loss(forks, "partial", code=4).detail.startswith("ended itself with os._exit(4)")

    def test_closed_channel(self, forks):
        """A worker that closes its channel is ended at once."""
        lost = loss(forks, "shut")
        assert lost.kind == "protocol"
        assert lost.detail == "closed the channel to the grader and kept running"

    def test_forged_reply(self, forks):
        """A forged second reply is noticed at the next request."""
        with forks.worker() as worker:
            assert worker.ask(Frame("forge"), 2.0).kind == "real"
            time.sleep(0.05)
            with pytest.raises(WorkerLost) as caught:
                worker.ask(Frame("echo"), 2.0)
        assert caught.value.kind == "protocol"
        assert caught.value.detail == "sent a reply without a request"

    def test_orphan(self, workshop):
        """The end of a worker is noticed although its child keeps the channel open for 20 s."""
        lost = loss(workshop, "orphan-holds-channel", seconds=15.0)
        assert lost.detail.startswith("ended itself with os._exit(5)")

    def test_next_worker(self, workshop):
        """However one worker ended, the next one works."""
        for kind in ("segfault", "hang", "leave"):
            loss(workshop, kind, seconds=0.1, code=1)
            with workshop.worker() as worker:
                assert worker.ask(Frame("echo"), 2.0).kind == "echoed"


class TestSurroundings:
    """The environment of a worker."""

    def test_environment(self, ask, monkeypatch):
        """A worker gets no variable, argument, folder or input of the grader."""
        monkeypatch.setenv("SECRET", "x")
        data = ask("look").data
        assert data["files"] == []
        assert data["input"] == ""
        assert "SECRET" not in data["environment"]
        assert "PATH" not in data["environment"]
        assert not any("tests" in part for part in data["argv"])
        assert not any(folder.endswith("tests/sandbox") for folder in data["path"])

    def test_hash_seed(self, forks):
        """Hashes of text, and so the order of sets, are the same in every process."""
        hashes = set()
        for method in ("fork", "spawn"):
            with open_workshop(method=method) as workshop, workshop.worker() as worker:
                hashes.add(worker.ask(Frame("look"), 2.0).data["hash"])
        assert len(hashes) == 1

    def test_clean_folder(self, ask):
        """Files of one worker are removed before the next."""
        assert ask("litter").kind == "littered"
        assert ask("look").data["files"] == []

    def test_memory(self):
        """Memory above the allowance is refused, and less is not."""
        with open_workshop(allowance=Allowance(memory=64 << 20)) as workshop:
            for size, answer in ((8 << 20, "allocated"), (256 << 20, "refused")):
                with workshop.worker() as worker:
                    assert worker.ask(Frame("allocate", {}, {"bytes": size}), 2.0).kind == answer

    def test_file_size(self):
        """A file beyond the allowance is refused, a smaller one is not."""
        with open_workshop(allowance=Allowance(file=3 << 20)) as workshop:
            for mebibytes, answer in ((2, "written"), (4, "refused")):
                with workshop.worker() as worker:
                    request = Frame("write-file", {}, {"mebibytes": mebibytes})
                    assert worker.ask(request, 2.0).kind == answer

    def test_tier(self, workshop):
        """The tier that the worker reached is recorded."""
        with workshop.worker() as worker:
            assert worker.tier == 0
        assert workshop.tier == 0
