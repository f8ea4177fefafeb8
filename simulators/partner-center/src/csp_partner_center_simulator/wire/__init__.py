"""The HTTP surface: requests, answers, errors, routing, paging, faults and throttling."""
