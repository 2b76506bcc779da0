"""Whether a form that came in is one of ours: signed by us, and sent from our own page."""

from flask import request

from aggregator.errors import LinkError
from aggregator.mail.links import Links
from aggregator.web.service import service


def is_ours(links: Links, of: str = "form", salt: str = "") -> bool:
    """Whether the form of this request came from our page (Fetch Metadata, where the browser sends it).

    *of* and *salt* are what its token was made with: ``Links.form``.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    try:
        links.check_form(request.form.get("token", ""), service().now(), of, salt)
    except LinkError:
        return False
    return True
