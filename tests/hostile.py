"""A server that does not keep to HTTP: a handler gets each connection raw. tests/university.py serves what is HTTP."""

import socket
import ssl
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

CERTIFICATES = Path(__file__).parent / "certificates"


class Hostile:
    """Listens on a free port of 127.0.0.1 and hands every connection to *behave* after its first request."""

    def __init__(self, behave, certificate=None):
        self.connections = 0
        self.closing = Event()
        self._behave = behave
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, suppress(OSError):  # the other side hangs up, or dislikes our certificate
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    request += piece
                self._behave(connection, self.closing)

    def close(self):
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def hostile(behave, certificate=None):
    """The address of a server that answers with *behave(connection, closing)*."""
    server = Hostile(behave, certificate)
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.port}/"
    finally:
        server.close()
