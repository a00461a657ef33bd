"""`python -m hustings` is the `hustings` command."""

from hustings.cli import main

main()
