"""Where hubs call back: verification of intent and content distribution (WebSub §5.3, §7).

No page and no session: what guards it is an address that nobody can guess, and a signature. What a hub sends is only
checked against that: it makes the source fall due, and the poll reads the feed itself.
"""

import re

from flask import Blueprint, Response, abort, current_app, request

from aggregator.errors import NotFound
from aggregator.model import HubSubscription
from aggregator.web.service import service
from aggregator.websub import lease_of, signed_with

blueprint = Blueprint("websub", __name__)

# WebSub §8.2: a challenge is text, and short
CHALLENGE = re.compile(r"[\x21-\x7e]{1,1000}")
REASON = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]+")


@blueprint.route("/websub/<key>", methods=["GET"], provide_automatic_options=False)
def verify(key: str) -> Response:
    """Confirm what we have asked for and nothing else (WebSub §5.3.1); note a denial (§5.2)."""
    if request.method == "HEAD":
        abort(405)
    here = service()
    found = _subscription(key)
    mode = request.args.get("hub.mode", "")
    if found.asked_at is None or request.args.get("hub.topic") != found.topic:
        raise NotFound("nobody has asked for that topic here")
    if mode == "denied":
        reason = " ".join(REASON.findall(request.args.get("hub.reason", "")[:1000]))
        current_app.logger.warning("hub=%s topic=%s denied: %r", found.hub, found.topic, reason)
        here.store.websub.denied(found, reason, here.now())
        return Response(status=204)
    challenge = request.args.get("hub.challenge", "")
    if mode != ("subscribe" if found.wanted else "unsubscribe") or not CHALLENGE.fullmatch(challenge):
        raise NotFound("that was not asked for")
    if found.wanted:
        here.store.websub.confirmed(found, lease_of(request.args.get("hub.lease_seconds")), here.now())
    else:
        here.store.websub.left(found)
    # §8.2: no type that a browser would run
    return Response(challenge, mimetype="application/octet-stream")


@blueprint.route("/websub/<key>", methods=["POST"], provide_automatic_options=False)
def receive(key: str) -> Response:
    """Let the source fall due. 202, signed rightly or not (WebSub §7.1.2); 410 for what has ended (§7)."""
    here = service()
    try:
        found = _subscription(key)
    except NotFound:
        return Response(status=410)
    if not found.wanted:
        return Response(status=410)
    request.max_content_length = here.settings.fetch.max_bytes
    method = signed_with(request.headers.get("X-Hub-Signature"), request.get_data(), found.secret, found.method)
    if method is None:
        here.store.websub.forged(found)
    else:
        here.store.websub.pushed(found, method, here.now())
    return Response(status=202)


def _subscription(key: str) -> HubSubscription:
    here = service()
    if here.settings.callback_url is None:
        raise NotFound("no hub is asked for anything")
    return here.store.websub.by_key(key)
