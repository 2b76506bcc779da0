"""The pages on a port. waitress's only door; knows the WSGI app as a callable."""

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from aggregator.errors import SettingsError
from aggregator.settings import WebSettings


class Server:
    """Listens from the start; raises SettingsError when it cannot. What is sent to it has at most *max_bytes*."""

    def __init__(self, app: Any, settings: WebSettings, max_bytes: int = 10_000_000) -> None:
        try:
            # the socket is ours so that port 0 and one listener are certain
            listener = socket.create_server(
                (settings.host, settings.port), family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET
            )
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
                "stop what uses that port, or set AGGREGATOR_WEB__PORT (demo: --port) to another"
            ) from error
        self._server: Any = create_server(
            app, sockets=[listener], threads=settings.threads, ident="", max_request_body_size=max_bytes
        )
        port = listener.getsockname()[1]
        self.url = f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{port}"

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM; from the main thread."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        self._server.run()

    @contextmanager
    def in_thread(self) -> Iterator[None]:
        """Serve in a thread of its own for the time of the block."""
        # waitress has no way to stop from outside; to close its sockets under its own loop would break its trigger
        stopping, sockets = threading.Event(), self._server._map

        def serve() -> None:
            while not stopping.is_set():
                wasyncore.loop(timeout=1, map=sockets, count=1)

        thread = threading.Thread(target=serve, name="web", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            self._server.trigger.pull_trigger()
            thread.join(5)
            self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=2)
            wasyncore.close_all(sockets)
