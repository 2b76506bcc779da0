"""Digests by mail: the form, and the pages behind the signed links of our mails.

GET shows and changes nothing, since mail programs open links; POST does. Nobody needs a cookie or a password: the form
carries a token of ours, the other addresses are tokens. No answer tells whether an address is known.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import ceil
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, Flask, Response, current_app, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from aggregator.errors import AddressError, LinkError, NotFound, QueryError
from aggregator.mail.letters import Letters
from aggregator.mail.links import Links, Purpose
from aggregator.mail.mailbox import mailbox
from aggregator.model import Choice, Subscriber
from aggregator.secret import secret_key
from aggregator.settings import Settings
from aggregator.store.subscribers import MOST_ASKS
from aggregator.web.forms import is_ours
from aggregator.web.language import LANGUAGES, QUERY_FAULTS, asked, language
from aggregator.web.limit import Limit
from aggregator.web.service import service

blueprint = Blueprint("mail", __name__)

DESK = "aggregator.desk"  # our key among the app's extensions
# sign-ups of one client address in an hour: a class behind one address, and no more
SIGN_UPS_PER_HOUR = 30
MOST_FORM_BYTES = 20_000
ZONES = frozenset(available_timezones())
FIELDS = ("address", "tags", "period", "weekday", "hour", "language", "timezone")


@dataclass(frozen=True)
class Desk:
    """What these pages need besides the service: who sends the letters, and how many may be asked for."""

    settings: Settings
    letters: Letters
    clients: Limit = field(default_factory=lambda: Limit(SIGN_UPS_PER_HOUR / 60, SIGN_UPS_PER_HOUR))
    people: Limit = field(default_factory=lambda: Limit(MOST_ASKS / 1440, MOST_ASKS))

    @cached_property
    def everyone(self) -> Limit:
        return Limit(self.settings.mail.per_minute)

    @cached_property
    def links(self) -> Links:
        return Links(self.settings)  # not before it is needed: it may have to make a secret


def register(app: Flask, settings: Settings, letters: Letters) -> None:
    """Give *app* what these pages work with."""
    app.extensions[DESK] = Desk(settings, letters)
    app.register_error_handler(LinkError, _bad_link)


@blueprint.after_request
def _keep_private(response: Response) -> Response:
    response.cache_control.no_store = True
    if request.endpoint != f"{blueprint.name}.subscribe" or request.args:  # the form is for everybody to find
        response.headers["X-Robots-Tag"] = "noindex"
    return response


# ---------------------------------------------------------------- signing up


@blueprint.get("/subscribe")
def subscribe() -> Response:
    """The form; ``?tag=`` fills in its tags."""
    here = service()
    choice = Choice(
        language=language(), hour=here.settings.mail.digest_hour, tags=request.args.get("tag", "")[:400].strip()
    )
    return _form({"address": "", **_values(choice)})


@blueprint.post("/subscribe")
def sign_up() -> Response | BaseResponse:
    """See to the letter, and lead to the page that says so, whoever is meant."""
    here, desk = service(), _desk()
    _check_mail()
    request.max_content_length = MOST_FORM_BYTES
    if seconds := desk.clients.wait(request.remote_addr or "", here.now()):
        return _later(429, seconds)
    values = {name: request.form.get(name, "").strip() for name in FIELDS}
    values["timezone"] = values["timezone"] or here.settings.site.timezone
    faults: dict[str, str] = {}
    if not is_ours(desk.links):
        faults["form"] = _("这张表单放得太久了，请再按一次。")
    choice = _choice(values, faults)
    try:
        box = mailbox(values["address"])
    except AddressError:
        faults["address"] = _("这不像一个邮件地址。")
    if faults:
        return _form(values, faults, 400)
    if seconds := desk.everyone.wait("everyone", here.now()):
        return _later(503, seconds)
    if not desk.people.wait(box.person, here.now()):
        here.store.subscribers.sign_up(box, choice, here.now())
    desk.letters.wake()
    return redirect(url_for("mail.sent", lang=asked()), 303)


@blueprint.get("/subscribe/sent")
def sent() -> Response:
    return _page("sent")


# ---------------------------------------------------------------- signed links


@blueprint.get("/confirm/<token>")
def confirm(token: str) -> Response:
    return _page("confirm", one=_subscriber("confirm", token, ("pending", "active")))


@blueprint.post("/confirm/<token>")
def confirmed(token: str) -> Response:
    here, desk = service(), _desk()
    one = _subscriber("confirm", token, ("pending", "active"))
    trace = mailbox(one.address_key).trace(secret_key(here.settings))
    if not here.store.subscribers.confirm(one, trace, here.now()):
        raise LinkError("has left meanwhile", is_late=True)
    return _page("confirmed", one=one, preferences=desk.links.preferences(one))


@blueprint.get("/preferences/<token>")
def preferences(token: str) -> Response:
    """What is chosen; with ``?format=json`` all that is kept of the person."""
    one = _subscriber("preferences", token)
    if request.args.get("format") == "json":
        kept = service().store.subscribers.everything(one)
        answer = Response(json.dumps(kept, ensure_ascii=False, indent=2, default=str), mimetype="application/json")
        answer.headers["Content-Disposition"] = 'attachment; filename="subscription.json"'
        return answer
    values, faults = _values(one), dict[str, str]()
    _choice(values, faults)  # tags may have vanished since
    return _preferences(one, values, {name: fault for name, fault in faults.items() if name == "tags"})


@blueprint.post("/preferences/<token>")
def prefer(token: str) -> Response:
    """Keep what was chosen; or forget the person, who has ticked that this is meant."""
    here = service()
    one = _subscriber("preferences", token)
    request.max_content_length = MOST_FORM_BYTES
    if request.form.get("do") == "erase":
        if not request.form.get("sure"):
            return _preferences(one, _values(one), {"sure": _("请先勾选，再按一次。")}, 400)
        box = mailbox(one.address_key)
        here.store.subscribers.erase(box, box.trace(secret_key(here.settings)), here.now())
        return _page("erased")
    values = {name: request.form.get(name, "").strip() for name in FIELDS}
    faults: dict[str, str] = {}
    choice = _choice(values, faults)
    if faults or one.state != "active":
        return _preferences(one, values, faults, 400 if faults else 409)
    here.store.subscribers.choose(one, choice)
    if not asked():
        g.language = choice.language
    return _preferences(one, _values(choice), is_saved=True)


@blueprint.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> Response:
    return _page("unsubscribe", one=_subscriber("unsubscribe", token))


@blueprint.post("/unsubscribe/<token>")
def leave(token: str) -> Response:
    """No more mail: pressed on our page, or in a mail program, which wants no redirect (RFC 8058 §3.1)."""
    here = service()
    one = _subscriber("unsubscribe", token)
    here.store.subscribers.leave(one, here.now())
    return _page("left", one=one)


# ---------------------------------------------------------------- inside


def _desk() -> Desk:
    found = current_app.extensions[DESK]
    assert isinstance(found, Desk)
    return found


def _subscriber(purpose: Purpose, token: str, states: tuple[str, ...] = ()) -> Subscriber:
    """Whom the link was mailed to, whose language the answer speaks.

    Raises LinkError, also where that one is in none of *states*.
    """
    here = service()
    one = _desk().links.read(purpose, token, here.store.subscribers.by_id, here.now())
    g.language = asked() or one.language
    if states and one.state not in states:
        raise LinkError("this link has done what it was for", is_late=True)
    return one


def _check_mail() -> None:
    if not service().settings.mail.host:
        raise NotFound("no mail is sent: mail.host is not set")


def _choice(values: dict[str, str], faults: dict[str, str]) -> Choice:
    """What *values* choose; what cannot be read is told in *faults*, by its field. Puts tags into their one form."""
    choice: dict[str, Any] = {}
    for name, known in (("period", ("daily", "weekly")), ("language", tuple(LANGUAGES)), ("timezone", ZONES)):
        choice[name] = values[name]
        if values[name] not in known:
            faults[name] = _("请从所列的里面选。")
    for name, end in (("hour", 24), ("weekday", 7)):
        is_known = values[name] in map(str, range(end))
        choice[name] = int(values[name]) if is_known else 0
        if not is_known:
            faults[name] = _("请从所列的里面选。")
    try:
        choice["tags"] = str(service().store.names.expression(values["tags"])) if values["tags"] else ""
    except QueryError as error:
        faults["tags"] = _("第 %(column)s 个字符处：%(fault)s。", column=error.column, fault=QUERY_FAULTS[error.fault])
    except NotFound:
        faults["tags"] = _("没有这个标签。")
    return Choice(**({"tags": ""} | choice))


def _values(choice: Choice | Subscriber) -> dict[str, str]:
    return {name: str(getattr(choice, name)) for name in asdict(Choice())}


def _form(values: Mapping[str, str], faults: Mapping[str, str] | None = None, status: int = 200) -> Response:
    _check_mail()
    token = _desk().links.form(service().now())
    return _page("subscribe", status, values=values, faults=faults or {}, token=token)


def _preferences(
    one: Subscriber,
    values: Mapping[str, str],
    faults: Mapping[str, str] | None = None,
    status: int = 200,
    *,
    is_saved: bool = False,
) -> Response:
    shown = {"values": values, "faults": faults or {}, "is_saved": is_saved, "zones": sorted(ZONES)}
    return _page("preferences", status, one=one, unsubscribe=_desk().links.of(one).unsubscribe, **shown)


def _page(name: str, status: int = 200, **shown: Any) -> Response:
    return make_response(render_template(f"subscribe/{name}.html", **shown), status)


def _later(status: int, seconds: float) -> Response:
    text = _("从这里来的订阅太多了，请过一会儿再试。")
    response = make_response(render_template("error.html", code=status, headline=_("请稍后再试"), advice=text), status)
    response.headers["Retry-After"] = str(ceil(seconds))
    return response


def _bad_link(error: LinkError) -> Response:
    headline = _("这个链接已经失效") if error.is_late else _("这个链接不对")
    advice = _("链接可能不完整，或者已被新的取代。在订阅页再填一次地址，就会收到新的链接。")
    code = 410 if error.is_late else 404
    response = make_response(render_template("error.html", code=code, headline=headline, advice=advice), code)
    response.cache_control.no_store = True
    return response
