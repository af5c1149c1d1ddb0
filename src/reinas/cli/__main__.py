"""`python -m reinas.cli`."""

from reinas.cli import main

main()
