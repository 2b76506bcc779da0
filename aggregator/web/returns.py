"""Where a mail service reports returned mail and complaints as JSON: POST /mail/bounces, for who knows the secret."""

import hmac
from hashlib import sha256
from typing import Any

from flask import Blueprint, Response, jsonify, request

from aggregator.errors import AddressError, NotFound
from aggregator.mail.mailbox import mailbox
from aggregator.model import Report
from aggregator.web.service import service

blueprint = Blueprint("returns", __name__)

MOST_BYTES, MOST_REPORTS = 1_000_000, 1000
KINDS = ("hard", "soft", "complaint")


@blueprint.post("/mail/bounces")
def receive() -> Response:
    """Count ``{"reports": [{"id", "kind", "address", "code", "reason"}]}``, each id once; how many were of ours.

    All or nothing: 400 says which one cannot be read.
    """
    here = service()
    if not here.settings.mail.webhook_secret:
        raise NotFound("mail.webhook_secret is not set")
    sent = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(sent, f"Bearer {here.settings.mail.webhook_secret}".encode()):
        refusal = _answer(401, error="send Authorization: Bearer with mail.webhook_secret")
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal
    request.max_content_length = MOST_BYTES
    content = request.get_json(force=True, silent=True)
    said = content.get("reports") if isinstance(content, dict) else None
    if not isinstance(said, list) or len(said) > MOST_REPORTS:
        return _answer(400, error=f'send {{"reports": [...]}}, at most {MOST_REPORTS}')
    reports = []
    for place, one in enumerate(said):
        try:
            reports.append(_report(one))
        except (AddressError, ValueError) as error:
            return _answer(400, error=f"reports[{place}]: {error}")
    states = [here.store.subscribers.returned(one, here.now()) for one in reports]
    return _answer(200, counted=sum(state is not None for state in states), unknown=states.count(None))


def _report(said: Any) -> Report:
    if not isinstance(said, dict):
        raise ValueError("an object is expected")
    texts = {name: said.get(name, "") for name in ("id", "kind", "address", "code", "reason")}
    for name, text in texts.items():
        if not isinstance(text, str) or "\0" in text:
            raise ValueError(f"{name} has to be a text")
        text.encode()  # half a character (UnicodeEncodeError is a ValueError)
    if not texts["id"] or texts["kind"] not in KINDS:
        raise ValueError(f"id has to be there, and kind one of {', '.join(KINDS)}")
    key = sha256(f"webhook {texts['id']}".encode("utf-8", "replace")).hexdigest()
    box = mailbox(texts["address"])
    return Report(key, texts["kind"], box.key, code=texts["code"][:20], reason=" ".join(texts["reason"].split()))


def _answer(status: int, **said: Any) -> Response:
    answer = jsonify(said)
    answer.status_code = status
    answer.cache_control.no_store = True
    return answer
