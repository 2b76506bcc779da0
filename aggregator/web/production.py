"""The pages on a port, by granian in processes of their own. granian's only door; knows the app by its name."""

import socket

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from aggregator.errors import SettingsError
from aggregator.settings import WebSettings

STOP_SECONDS = 10  # for answers that are on their way when we are told to stop


class Workers:
    """*count* processes that serve what *target*, ``module:function``, gives. Raises SettingsError for a taken port."""

    def __init__(self, target: str, settings: WebSettings, count: int) -> None:
        host, port = settings.host, free_port(settings)
        self._server = Server(
            target,
            host,
            port,
            interface=Interfaces.WSGI,
            workers=count,
            blocking_threads=settings.threads,
            http=HTTPModes.http1,  # what a proxy before us speaks
            websockets=False,
            log_level=LogLevels.error,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
            factory=True,
        )
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM; from the main thread. What is being answered then is answered."""
        self._server.serve()


def free_port(settings: WebSettings) -> int:
    """The port to listen on, found to be free: granian's workers would share one with whoever is there already."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.create_server((settings.host, settings.port), family=family) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "stop what uses that port, or set AGGREGATOR_WEB__PORT to another"
        ) from error
