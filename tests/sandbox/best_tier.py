"""The tier of isolation that a worker reaches on this machine."""

from gradkit.sandbox import Workshop

with Workshop() as _workshop, _workshop.worker() as _worker:
    BEST = _worker.tier
