"""Pure rules of users, licences and consumed seats."""
