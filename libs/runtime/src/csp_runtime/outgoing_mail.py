"""Mail as an outbox: a sealed row written with the events that cause it, sent at least once under one Message-ID."""

import json
from datetime import datetime

from psycopg import Cursor
from psycopg.rows import DictRow

from csp_runtime.clock import Clock
from csp_runtime.database import Database
from csp_runtime.logs import logger
from csp_runtime.mail import Mail, Mailer, MailFailed
from csp_runtime.rounds import for_ever
from csp_runtime.secret_box import SecretBox
from csp_runtime.store import Also

log = logger(__name__)

PAUSE_SECONDS = 0.5


class OutgoingMail:
    """The mail of one service; its schema has the table `outgoing_mail`."""

    def __init__(self, database: Database, box: SecretBox, mailer: Mailer, clock: Clock) -> None:
        self._database = database
        self._box = box
        self._mailer = mailer
        self._clock = clock

    def enqueue(self, *, reseller: str, mail: Mail) -> Also:
        """The statement that queues a message; the same key queues it once."""
        body = {"to": mail.to, "subject": mail.subject, "text": mail.text, "at": mail.at.isoformat()}
        sealed = self._box.seal(json.dumps(body).encode(), f"mail/{mail.key}")

        def insert(cursor: Cursor[DictRow]) -> None:
            cursor.execute(
                "insert into outgoing_mail (mail_id, reseller_id, sealed) values (%s, %s, %s) on conflict do nothing",
                [mail.key, reseller, sealed],
            )

        return insert

    async def run(self) -> None:
        """Send what is due, for ever; a refused message is tried again with a growing pause."""
        await for_ever(self._send_one, lambda: self._clock.sleep(PAUSE_SECONDS))

    async def _send_one(self) -> bool:
        async with self._database.transaction() as tx:
            cursor = await tx.execute(
                "update outgoing_mail set attempts = attempts + 1, "
                "due_at = now() + make_interval(secs => least(3600, 5 * 2 ^ attempts)) "
                "where mail_id = (select mail_id from outgoing_mail where due_at <= now() order by due_at limit 1 "
                "for update skip locked) returning mail_id, sealed"
            )
            row = await cursor.fetchone()
        if row is None:
            return False
        body = json.loads(self._box.open(bytes(row["sealed"]), f"mail/{row['mail_id']}"))
        mail = Mail(
            to=body["to"],
            subject=body["subject"],
            text=body["text"],
            key=row["mail_id"],
            at=datetime.fromisoformat(body["at"]),
        )
        try:
            await self._mailer.send(mail)
        except MailFailed as fault:
            log.warning("mail.not-taken", mail=row["mail_id"], reason=str(fault))
            return True
        async with self._database.connection() as connection:
            await connection.execute("delete from outgoing_mail where mail_id = %s", [row["mail_id"]])
        return True
