"""A password is handed over once, and lies in clear nowhere: no table, no log, no mail, no event."""

import email
import email.policy
import re
from pathlib import Path

import httpx
import psycopg
import pytest

from csp_testing.running import Running

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("story")]


def database_of(folder: Path) -> str:
    lines = (folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    password = (folder / "postgres" / "password").read_text().strip()
    return f"postgresql://csp:{password}@127.0.0.1:{lines[3]}/csp"


def text_of(path: Path) -> str:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return str(message.get_content())


def every_row(url: str) -> str:
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables "
            "where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        rows: list[str] = []
        for (table,) in tables:
            connection.execute("set bytea_output = escape")
            rows += [str(row[0]) for row in connection.execute(f"select t::text from {table} t".encode())]
    return "\n".join(rows)


def link_in(mail: str) -> str:
    found = re.search(r"http\S+/retrieve/\S+", mail)
    assert found is not None
    return found.group(0)


def redeemed_once(address: str) -> str:
    assert httpx.post(re.sub(r"key=.*", "key=0", address)).status_code == 404
    assert "Show the password" in httpx.get(address).text
    answer = httpx.post(address)
    assert answer.is_success, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert httpx.post(address).status_code == 404
    return str(answer.json()["secret"])


def test_a_password_can_be_seen_once_and_is_nowhere_else(data_folder):
    folder = data_folder
    with Running(folder) as running:
        told = running.csp("demo")
        assert told.returncode == 0, told.stdout[-2000:] + told.stderr[-2000:]
        mails = [text_of(path) for path in (folder / "mailbox").glob("*.eml")]
        (to_ada,) = [mail for mail in mails if "Ada Lovelace" in mail]
        (to_grace,) = [mail for mail in mails if mail is not to_ada]
        password = redeemed_once(link_in(to_ada))
        # The tenant's was made on the 1st, and it is the 16th: a seal lives for 14 days.
        assert httpx.post(link_in(to_grace)).status_code == 404
        everything = every_row(database_of(folder)) + running.log.read_text() + "\n".join(mails) + told.stdout
        assert len(password) >= 8
        assert password not in everything
        # Nor do the personal data of the demo reach any event.
        events = every_row(database_of(folder)).lower()
        public = "\n".join(line for line in events.splitlines() if "csp." in line and '"meta"' in line)
        assert "csp.subscriptions.subscription-created.v1" in public
        for personal in ("lovelace", "hopper", "market street", "ada@demo.example"):
            assert personal not in public
