"""``python -m zoo`` is the command line."""

from zoo.cli import main

main()
