"""What can happen to customers, orders, subscriptions and users, whoever asks for it."""
