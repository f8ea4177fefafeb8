"""Pure rules: dates, money, seats, addresses. No state, no clock."""
