"""The settings of a platform that runs by `csp up`, for itself and for the verbs that work beside it."""

import os
from pathlib import Path

from pydantic import SecretStr

from csp_cli.local_state import LocalState
from csp_cli.run import Misconfigured, read_settings
from csp_runtime.embedded_postgres import running_url
from csp_runtime.settings import MailSettings, MicrosoftSettings, RuntimeSettings

HOST = "127.0.0.1"
# On one machine a test is a caller, too.
DEVELOPMENT_REQUESTS_PER_MINUTE = 60_000

All = tuple[RuntimeSettings, MicrosoftSettings, MailSettings]


def embedded_settings(state: LocalState, url: str, gateway: str, port: int, simulator_url: str) -> All:
    """What `csp up` gives to its services."""
    runtime = RuntimeSettings(
        database_url=SecretStr(url),
        data=state.folder,
        kafka=None,
        clock="simulator",
        simulator_url=simulator_url,
        seal_keys=SecretStr(os.environ.get("CSP_SEAL_KEYS") or state.seal_keys()),
        port=port,
        log_format="text",
        requests_per_minute=DEVELOPMENT_REQUESTS_PER_MINUTE,
    )
    microsoft = MicrosoftSettings(
        cloud="simulator", base_url=simulator_url, visibility_minutes=0, list_delay_minutes=0
    )
    return runtime, microsoft, MailSettings(public_url=gateway)


def settings_here(folder: Path) -> All:
    """Those of the environment; without a database in it, those of the `csp up` that runs from the folder.

    Raises `Misconfigured`, which names what is missing.
    """
    if "CSP_DATABASE_URL" in os.environ and "CSP_SEAL_KEYS" in os.environ:
        return read_settings()
    state = LocalState(folder)
    running = state.announced()
    url = os.environ.get("CSP_DATABASE_URL") or running_url(folder / "postgres")
    if running is None or url is None:
        try:
            return read_settings()
        except Misconfigured as fault:
            raise Misconfigured(f"{fault}; and no `csp up` runs from {folder} (`--data`)") from None
    port = int(running["gateway"].rpartition(":")[2])
    return embedded_settings(state, url, running["gateway"], port, running["simulator"])
