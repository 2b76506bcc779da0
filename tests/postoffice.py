"""A real mail server on the loopback address: what it took stands in ``letters``. For the tests of all that mails."""

import asyncio
import ssl
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from threading import Thread

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from aggregator.settings import MailSettings

CERTIFICATE = Path(__file__).parent / "certificates" / "loopback.pem"  # of nobody, for a hundred years
NAME, PASSWORD = "news", "a secret"


class PostOffice:
    """Takes letters, unless it is closed (then it answers 451) or knows the recipient among *refused*."""

    def __init__(self):
        self.letters = []
        self.is_closed = False
        self.refused = set()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name for it
        if self.is_closed:
            return "451 4.3.0 come again later"
        if address in self.refused:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        letter = message_from_bytes(envelope.content, policy=policy.default)
        is_secure = server.transport.get_extra_info("sslcontext") is not None
        self.letters.append((is_secure, envelope.rcpt_tos, letter))
        return "250 OK"


def _authenticate(server, session, envelope, mechanism, data):
    is_known = isinstance(data, LoginPassword) and (data.login, data.password) == (NAME.encode(), PASSWORD.encode())
    return AuthResult(success=is_known, handled=False)


@contextmanager
def post_office(tls="none", *, login=False):
    """(the office, the settings that reach it)"""
    office = PostOffice()
    how, context = {}, None
    if tls != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
    if tls == "starttls":
        how |= {"tls_context": context, "require_starttls": True}
    if login:
        how |= {"authenticator": _authenticate, "auth_required": True}
    loop = asyncio.new_event_loop()
    begin = loop.create_server(
        lambda: SMTP(office, loop=loop, hostname="localhost", **how),
        "127.0.0.1",
        0,
        ssl=context if tls == "tls" else None,
    )
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(begin, loop).result()
    try:
        said = {"username": NAME, "password": PASSWORD} if login else {}
        port = server.sockets[0].getsockname()[1]
        yield (
            office,
            MailSettings(
                host="127.0.0.1",
                port=port,
                tls=tls,
                sender="news@example.org",
                per_minute=6000,
                timeout_seconds=5,
                **said,
            ),
        )
    finally:
        asyncio.run_coroutine_threadsafe(closed(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def closed(server):
    server.close()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:  # of connections that a client left
        task.cancel()
    await asyncio.sleep(0.01)
