"""`python -m orchestration.cli` is `equity`."""

from orchestration.cli.app import main

main()
