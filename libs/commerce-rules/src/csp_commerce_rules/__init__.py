"""Pure rules of CSP commerce: money, calendars, terms, charge cycles, seat windows, prices."""
