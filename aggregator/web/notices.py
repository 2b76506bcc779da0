"""Feeds of what we say ourselves: the digests of days that are over, and sources that broke or are well again."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from flask import Blueprint, Response, render_template, request
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _

from aggregator.health import is_settled
from aggregator.model import Break, Digest, Note
from aggregator.publish import FORMATS, wire
from aggregator.publish.digest import digest_address, make_digest, parse_address, period_bounds
from aggregator.rhythm import WorkingHours
from aggregator.store.entries import Cursor
from aggregator.web.language import ADVICE, FAULTS
from aggregator.web.language import day_text
from aggregator.web.service import address, service
from aggregator.web.stored import Promise
