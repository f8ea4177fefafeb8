"""The pytest plugin: fixtures that every member's tests may ask for."""

from csp_testing.node import node_packages
from csp_testing.postgres import database_url, postgres_server

__all__ = ["database_url", "node_packages", "postgres_server"]
