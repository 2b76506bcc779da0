"""The app for a WSGI server of its own process: `aggregator web` starts granian with it, gunicorn takes it, too."""

from typing import TYPE_CHECKING

from aggregator.commands import parts

if TYPE_CHECKING:
    from flask import Flask


def app() -> "Flask":
    """The pages of the instance that the environment names."""
    from aggregator.web.app import create_app

    parts.end_with_parent()
    config = parts.settings()
    return create_app(config, parts.open_store(config))
