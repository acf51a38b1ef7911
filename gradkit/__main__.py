"""The `gradkit` command, and `python -P -m gradkit`.

That puts the working directory at the head of the path, where Python itself has looked by now:
the script `gradkit` does not, nor does ``python -P -m gradkit``.
"""

import sys

from gradkit.safe_path import leave_working_directory

leave_working_directory()


def main() -> None:
    """Run the command; of a check what runs the code starts before anything else is loaded."""
    if sys.argv[1:2] == ["check"] and not {"-h", "--help"} & {*sys.argv}:
        from gradkit.sandbox import start_ahead

        start_ahead()
    from gradkit.cli import main as command

    command()


if __name__ == "__main__":
    main()
