"""The parts that commands are put together from: settings, rules, the database, the clock."""

import os
import signal
from datetime import UTC, datetime
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.rules import Rules
    from aggregator.settings import Settings
    from aggregator.store import Store


LOOK_SECONDS = 0.5


def end_with_parent() -> None:
    """Let this process be told to stop when the one that started it is gone, even killed: it would hold the port."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, daemon=True).start()


def now() -> datetime:
    return datetime.now(UTC)


def settings() -> "Settings":
    from aggregator.instance import load

    return load()


def rules(config: "Settings") -> "Rules":
    from aggregator.rules import load

    return load(config.instance)


def read_store(config: "Settings") -> "Store":
    """The database as it stands, for a command that only reads: where there is none, none is made."""
    from aggregator.errors import StoreError
    from aggregator.store import Store

    store = Store(config.database_url)
    if store.path is not None and not store.path.exists():
        raise StoreError(
            f"there is no database {store.path} yet; `aggregator run` makes it and collects into it, "
            "AGGREGATOR_INSTANCE names the folder of another one"
        )
    return open_store(config)


def tell_the_service(config: "Settings") -> None:
    """Note in the database, where there is one, what is followed now: a running service polls by it."""
    import click

    from aggregator.errors import StoreError
    from aggregator.store import Store

    known = rules(config)
    store = Store(config.database_url)
    if store.path is not None and not store.path.exists():
        return
    try:
        if store.is_current():
            store.sources.sync(known.sources, now())
    except StoreError as error:
        click.echo(f"a running service hears of it when it starts again: {error}", err=True)
    store.close()


def open_store(config: "Settings", *, upgrade: bool = False) -> "Store":
    """The database, made where there is none; an older one is upgraded only with *upgrade*."""
    from aggregator.errors import StoreError
    from aggregator.store import Store

    store = Store(config.database_url)
    is_new = store.path is not None and not store.path.exists()
    if is_new or upgrade:
        store.upgrade()
    elif not store.is_current():
        if store.schema() is not None:
            raise StoreError(f"{store.name} has an older schema; run `aggregator db upgrade` (make a backup first)")
        store.upgrade()
    return store
