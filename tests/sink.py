"""A mail server in a process of its own that may be nasty; what it took stands in a file, a line of JSON a mail.

What it does with a mail, the recipient's name says: ``grey2-x@`` is told to come again twice, ``nobody-x@`` is not
there, ``gone-x@`` and ``relay-x@`` are refused with a bare 550, ``full-x@`` has no room today, ``spam-x@`` is refused after its text was read, ``drop-x@`` loses the connection
within the text, ``lost-x@`` is taken and loses the connection before that is said, ``hang-x@`` never gets an answer,
``bye-x@`` is told 421; all others are welcome.
"""

# ruff: noqa: ASYNC240 - it may wait for its disk
import asyncio
import json
import multiprocessing
import os
from collections import Counter
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from time import monotonic, sleep

from aiosmtpd.smtp import SMTP

from aggregator.settings import MailSettings

context = multiprocessing.get_context("forkserver")


class Server(SMTP):
    async def smtp_DATA(self, arg):  # noqa: N802 - aiosmtpd's name for it
        if self.envelope.rcpt_tos and self.envelope.rcpt_tos[0].startswith("drop-"):
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


class Handler:
    def __init__(self, path, closed):
        self.log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.closed = closed
        self.asked = Counter()

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if Path(self.closed).exists():
            return "452 4.3.1 insufficient system storage"
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        self.asked[address] += 1
        kind = address.partition("-")[0]
        if kind.startswith("grey") and self.asked[address] <= int(kind[4:] or 1):
            return "451 4.7.1 greylisted, come again later"
        if kind == "hang":
            await asyncio.sleep(3600)
        answers = {"nobody": "550 5.1.1 nobody of that name", "full": "452 4.2.2 mailbox full", "bye": "421 4.3.2 bye"}
        answers |= {"gone": "550 no such user", "relay": "550 relaying denied"}
        if kind in answers:
            return answers[kind]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        to = envelope.rcpt_tos[0]
        if to.startswith("spam-"):
            return "554 5.7.1 we do not like it"
        head = message_from_bytes(envelope.content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", policy=policy.compat32)
        line = json.dumps({"to": to, "id": head["Message-ID"], "date": head["Date"], "bytes": len(envelope.content)})
        os.write(self.log, line.encode() + b"\n")
        if to.startswith("keep-"):
            Path(f"{to}.eml").write_bytes(envelope.content)
        if to.startswith("lost-") and self.asked[to] == 1:
            server.transport.abort()
        return "250 2.0.0 OK"


class Sink:
    """What a running one took; ``close`` lets it refuse whoever comes, as a full server does, until ``open``."""

    def __init__(self, folder):
        self._log, self._closed = folder / "taken.jsonl", folder / "closed"

    @property
    def taken(self):
        text = self._log.read_text("utf-8") if self._log.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    @property
    def count(self):
        """How many mails, which costs little to ask."""
        return self._log.read_bytes().count(b"\n") if self._log.exists() else 0

    @property
    def recipients(self):
        return sorted(mail["to"] for mail in self.taken)

    def close(self):
        self._closed.touch()

    def open(self):
        self._closed.unlink()


@contextmanager
def sink(folder, **settings):
    """(the sink, the settings that reach it)"""
    folder.mkdir(exist_ok=True)
    port = folder / "port"
    process = context.Process(target=_serve, args=(str(folder),), daemon=True)
    process.start()
    end = monotonic() + 20
    while not (port.exists() and port.read_text()):
        assert monotonic() < end, "the sink does not start"
        sleep(0.01)
    said = {"per_minute": 60_000, "timeout_seconds": 2, "sender": "news@example.org", "tls": "none"} | settings
    try:
        yield Sink(folder), MailSettings(host="127.0.0.1", port=int(port.read_text()), **said)
    finally:
        process.kill()
        process.join()


def _serve(folder):
    os.chdir(folder)

    async def work():
        handler = Handler("taken.jsonl", "closed")
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Server(handler, loop=loop, hostname="localhost", enable_SMTPUTF8=True), "127.0.0.1", 0)  # fmt: skip
        Path("port.new").write_text(str(server.sockets[0].getsockname()[1]))
        Path("port.new").rename("port")
        await server.serve_forever()

    asyncio.run(work())
