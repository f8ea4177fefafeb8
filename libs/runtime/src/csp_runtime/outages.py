"""What is waited out rather than told: the infrastructure does not answer."""

import httpx
import psycopg
from psycopg_pool import PoolTimeout

from csp_runtime.errors import VersionConflict

OUTAGES = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    OSError,
    httpx.TransportError,
    VersionConflict,
)
"""Failures of the infrastructure: wait, then the same batch again."""
