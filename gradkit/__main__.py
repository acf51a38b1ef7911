"""`python -P -m gradkit`.

That puts the working directory at the head of the path, where Python itself has looked by now:
the script `gradkit` does not, nor does ``python -P -m gradkit``.
"""

from gradkit.safe_path import leave_working_directory

leave_working_directory()

from gradkit.cli import main  # noqa: E402  (only what is safe to import)

main()
