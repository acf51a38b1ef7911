"""How often a check goes from one module of gradkit into another.

    python benchmarks/entries.py [--file FILE] [--root DIR] [--modules N]

Runs `gradkit check` of a file in this process, with a profile of every call, and counts those of
which the caller stands in one module of gradkit and the function in another. Threads and workers
are not counted, and neither is the import of a module. `--root` takes gradkit from another
checkout, to compare with. Exits with 1 where there are more than the bar.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]

BEFORE = 2386
"""Entries for a right numpy file at f8cb942, by `--root`."""

BAR = 1190


class Entries:
    """Counts calls from one module of gradkit into another, as a profile function."""

    def __init__(self, package: Path) -> None:
        self.package = str(package) + "/"
        self.pairs: Counter[tuple[str, str]] = Counter()
        self.functions: Counter[tuple[str, str]] = Counter()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        """Count the call, if it is one that crosses between modules."""
        code = frame.f_code
        if event != "call" or frame.f_back is None or not code.co_filename.startswith(self.package):
            return
        caller = frame.f_back.f_code.co_filename
        if caller == code.co_filename or not caller.startswith(self.package):
            return
        if code.co_name != "<module>":
            self.pairs[self._name(caller), self._name(code.co_filename)] += 1
            self.functions[self._name(code.co_filename), code.co_qualname] += 1

    def _name(self, path: str) -> str:
        return path.removeprefix(self.package).removesuffix(".py").replace("/", ".")


def main() -> None:
    """Count, print the modules entered most often, and compare with the bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--file", default="reference/regression_numpy.py", metavar="FILE")
    parser.add_argument("--root", type=Path, default=ROOT, metavar="DIR")
    parser.add_argument("--modules", type=int, default=15, metavar="N")
    options = parser.parse_args()
    root = options.root.resolve()
    sys.path.insert(0, str(root))
    from gradkit.cli import main as command

    entries = Entries(root / "gradkit")
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        sys.setprofile(entries)
        try:
            command(["check", str(root / options.file), "--seed", "1"])
        finally:
            sys.setprofile(None)
    total = entries.pairs.total()
    print(f"{total:,} entries into another module, of {len({t for _, t in entries.pairs})} modules")
    for (module, function), count in entries.functions.most_common(options.modules):
        print(f"{count:6,}  {module}.{function}")
    print(f"at most {BAR:,}; {BEFORE:,} at f8cb942")
    sys.exit(total > BAR)


if __name__ == "__main__":
    main()
