"""How `aggregator demo` stages the service: quick settings, and news that keeps appearing."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from aggregator.demo.universities import Demo
from aggregator.settings import FetchSettings, ScheduleSettings, Settings, SiteSettings, WebSettings


def demo_settings(instance: Path, port: int, every_seconds: float) -> Settings:
    """Settings that poll loopback servers every few seconds; the operator's own settings play no part."""
    minutes = every_seconds / 60
    return Settings.model_construct(
        instance=instance,
        site=SiteSettings(name="高校新闻（演示）", url=f"http://127.0.0.1:{port}"),
        fetch=FetchSettings(allow_private_networks=True, per_host_delay_seconds=0.05),
        schedule=ScheduleSettings(
            tick_seconds=max(every_seconds / 2, 0.2), min_interval_minutes=minutes, max_interval_minutes=minutes
        ),
        web=WebSettings(port=port),
    )


@contextmanager
def keep_publishing(
    universities: Demo, every: float, seconds: float | None, now: Callable[[], datetime], say: Callable[[str], None]
) -> Iterator[None]:
    """Let a story appear every *every* seconds; after *seconds* ask the process to stop, as Ctrl-C would."""
    over = threading.Event()

    def publish() -> None:
        while not over.wait(every):
            title = universities.publish_next(now())
            if title is None:
                return
            say(f"published: {title}")

    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM)) if seconds else None
    publisher = threading.Thread(target=publish, name="publisher", daemon=True)
    publisher.start()
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        over.set()
        if timer:
            timer.cancel()
        publisher.join(5)
