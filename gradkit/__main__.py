"""`python -m gradkit`."""

from gradkit.cli import main

main()
