"""`python -m csp_cli` is `csp`."""

from csp_cli.main import main

main()
