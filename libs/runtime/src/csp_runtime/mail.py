"""The mail port: SMTP, or in development a mailbox folder that a person can look into."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

import aiosmtplib


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A plain-text message. `key` is the same for a repetition, which then replaces or is recognised by its Message-ID."""

    to: str
    subject: str
    text: str
    key: str
    at: datetime


class MailFailed(Exception):
    """The server did not take the message; it may be sent again."""

    code = "mail-failed"


class Mailer(Protocol):
    """Where mail goes."""

    async def send(self, mail: Mail) -> None:
        """Hand it over; `MailFailed` where it was not taken."""


class Mailbox:
    """A folder of `.eml` files."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{mail.key}.eml"
        path.touch(mode=0o600)
        path.write_bytes(bytes(_message(mail, self._sender)))


class SmtpMailer:
    """An SMTP server with STARTTLS or TLS."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        username: str | None = None,
        password: str | None = None,
        tls: bool = False,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._username = username
        self._password = password
        self._tls = tls

    def __repr__(self) -> str:
        return f"SmtpMailer({self._host}:{self._port})"

    async def send(self, mail: Mail) -> None:
        try:
            await aiosmtplib.send(
                _message(mail, self._sender),
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                use_tls=self._tls,
                timeout=15,
            )
        except (aiosmtplib.SMTPException, OSError) as fault:
            raise MailFailed(type(fault).__name__) from None


def _message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.key}@csp.invalid>"
    message.set_content(mail.text)
    return message
