"""A small IMAP server on the loopback address: one mailbox, as much of RFC 3501 as a reader of mail asks for."""

import asyncio
import re
import ssl
from contextlib import contextmanager
from threading import Thread

from tests.postoffice import CERTIFICATE, NAME, closed

PASSWORD = "a/secret@word"
FETCH = re.compile(r"BODY\.PEEK\[\]<(\d+)\.(\d+)>")


class ImapServer:
    """Its mails by UID, those *seen*; *asked* is what clients said, without passwords. *drops* ends a FETCH halfway."""

    def __init__(self):
        self.mails = {}
        self.seen = set()
        self.asked = []
        self.drops = False

    def put(self, *mails):
        for mail in mails:
            self.mails[100 + len(self.mails)] = mail

    async def answer(self, reader, writer):
        writer.write(b"* OK ready\r\n")
        try:
            while line := await reader.readline():
                tag, command, *rest = line.decode().strip().split(" ", 2)
                if not await self._do(tag, command.upper(), rest[0] if rest else "", writer):
                    break
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _do(self, tag, command, rest, writer):
        self.asked.append(command if command == "LOGIN" else f"{command} {rest}".strip())
        lines, result = [], "OK done"
        if command == "CAPABILITY":
            lines = [b"* CAPABILITY IMAP4rev1"]
        elif command == "LOGIN":
            result = (
                "OK hello"
                if rest in (f'{NAME} "{PASSWORD}"', f'"{NAME}" "{PASSWORD}"')
                else "NO [AUTHENTICATIONFAILED] who?"
            )
        elif command == "SELECT":
            known = rest == '"Returned mail"'
            lines, result = (
                ([b"* %d EXISTS" % len(self.mails)], "OK [READ-WRITE] open") if known else ([], "NO no such mailbox")
            )
        elif command == "LOGOUT":
            lines = [b"* BYE"]
        elif command == "UID":
            lines, result = self._by_uid(*rest.split(" ", 2))
        else:
            result = "BAD what?"
        for one in lines:
            writer.write(one + b"\r\n")
        if self.drops and command == "UID" and "FETCH" in rest:
            return False
        writer.write(f"{tag} {result}\r\n".encode())
        await writer.drain()
        return command != "LOGOUT"

    def _by_uid(self, command, first, rest=""):
        if command == "SEARCH":
            unseen = [uid for uid in self.mails if uid not in self.seen]
            return [b"* SEARCH " + b" ".join(b"%d" % uid for uid in reversed(unseen))], "OK found"
        uid = int(first)
        if command == "STORE":
            self.seen.add(uid)
            return [], "OK stored"
        start, length = map(int, FETCH.search(rest).groups())
        data = self.mails[uid][start : start + length]
        if self.drops:
            return [b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n%b" % (uid, len(data), data[: len(data) // 2])], ""
        return [b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n%b)" % (uid, len(data), data)], "OK fetched"


@contextmanager
def imap_server(*, tls=False):
    """(the server, the address of its mailbox)"""
    server = ImapServer()
    context = None
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    begin = asyncio.start_server(server.answer, "127.0.0.1", 0, ssl=context)
    listening = asyncio.run_coroutine_threadsafe(begin, loop).result()
    try:
        port = listening.sockets[0].getsockname()[1]
        host = "localhost" if tls else "127.0.0.1"
        yield server, f"imap{'s' if tls else ''}://{NAME}:a%2Fsecret%40word@{host}:{port}/Returned%20mail"
    finally:
        asyncio.run_coroutine_threadsafe(closed(listening), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
