"""The csp command: one service, or all in one process; demo, rate, admin verbs."""
