"""`python -P -m gradkit`."""

from gradkit.cli import main

main()
