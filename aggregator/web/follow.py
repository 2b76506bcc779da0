"""/follow/: what `aggregator add` does, in the operator's browser: an address, what is found there, a site file.

For whoever has web.admin_token, and for nobody where none is set. Nothing is written before it was shown; a form that
another site made the operator's browser send is refused.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, make_response, render_template, request
from flask_babel import gettext as _

from aggregator.errors import OperatorError, SourceError
from aggregator.follow.catalogue import Catalogue, read_catalogue
from aggregator.gather.address import parse
from aggregator.gather.fetch import Fetcher
from aggregator.identity import identity
from aggregator.mail.links import Links
from aggregator.model import Site, SourceRule
from aggregator.rules import load
from aggregator.rules.switches import change_switches
from aggregator.web.forms import is_ours
from aggregator.web.ops import CHALLENGE, is_operator
from aggregator.web.service import service

if TYPE_CHECKING:
    from aggregator.follow.explore import Exploration, Find

# enrol and follow are imported where they are used: all readers of pages come with them, a sixth of a server's start

blueprint = Blueprint("follow", __name__)

MOST_FORM_BYTES = 20_000
PREVIEWED = 5  # titles of each find
MOST_CHOSEN = 20  # finds in one go
LONGEST_ADDRESS = 2_000
FORM = "follow"


@blueprint.before_request
def _refuse_others() -> Response | None:
    """401 lets the browser ask for the token, as the password of any name."""
    if not service().settings.web.admin_token:
        return _page("closed", 403)
    if not is_operator():
        answer = _page("closed", 401)
        answer.headers.update(CHALLENGE)
        return answer
    request.max_content_length = MOST_FORM_BYTES
    return None


@blueprint.after_request
def _keep_private(response: Response) -> Response:
    response.cache_control.no_store = True
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@blueprint.get("/follow/")
def ask() -> Response:
    return _page("ask", wanted=request.args.get("url", "")[:LONGEST_ADDRESS])


@blueprint.post("/follow/")
def follow() -> Response:
    """``do=look`` shows what is found at ``address``, ``do=add`` follows each ``place``, ``do=enable`` switches it on.

    With ``intranet`` private addresses may be visited on its own domain, now and at each poll.
    """
    from aggregator.follow.enrol import followed_by

    said = {name: request.form.get(name, "").strip()[:LONGEST_ADDRESS] for name in ("address", "do")}
    places = [place.strip()[:LONGEST_ADDRESS] for place in request.form.getlist("place")][:MOST_CHOSEN]
    if not is_ours(_links(), FORM, _salt()):
        return _page("ask", 400, wanted=said["address"], trouble=_("这张表单放得太久了，请再按一次。"))
    try:
        for url in (said["address"], *places):
            parse(url)
    except ValueError as error:
        return _page("ask", 400, wanted=said["address"], trouble=str(error))
    known = read_catalogue(service().settings.instance)
    try:
        if said["do"] == "add" and places:
            return _added(said["address"], places, known)
        if found := followed_by(known, said["address"]):
            return _known(said["address"], *found, known, enables=said["do"] == "enable")
        return _shown(said["address"], known, is_unticked=said["do"] == "add")
    except (SourceError, OperatorError) as error:
        return _page("ask", 422, wanted=said["address"], trouble=str(error))


def _shown(address: str, known: Catalogue, *, is_unticked: bool) -> Response:
    from aggregator.follow.enrol import followed_by, university_at

    explored = _explored([address], known)[0]
    listed = [(find, followed_by(known, find.url), find.listing.items[:PREVIEWED]) for find in explored.finds]
    first = next((find for find, followed, _items in listed if followed is None), None)
    return _page(
        "found",
        400 if is_unticked else 200,
        trouble=_("请先勾选，再按一次。") if is_unticked else None,
        wanted=address,
        finds=listed,
        first=first,
        university=university_at(explored, known),
    )


def _known(address: str, site: Site, source: SourceRule, known: Catalogue, *, enables: bool) -> Response:
    """Of an address that a source has already: it is followed, or switched off, or was switched on just now."""
    is_followed = known.follows(site, source)
    if enables and not is_followed:
        change_switches(service().settings.instance, lambda switches: switches.enable([(site, source)]))
        _tell_the_workers()
        return _page("done", names=[source.name], university=site.university)
    return _page("known", wanted=address, university=site.university, source=source, is_followed=is_followed)


def _added(address: str, places: Sequence[str], known: Catalogue) -> Response:
    """Follow what is found at *places* now: the pages that were shown are not kept between two requests."""
    from aggregator.follow.enrol import check, enrol, followed_by, site_of

    here = service()
    if followed := followed_by(known, *places):
        return _known(address, *followed, known, enables=False)
    chosen: list[Find] = []
    for place, explored in zip(places, _explored(places, known), strict=True):
        there = next((find for find in explored.finds if identity(find.url) == identity(place)), None)
        if there is None:
            trouble = _("那个栏目现在读不到了，请再看一次：%(place)s", place=place)
            return _page("ask", 409, wanted=address, trouble=trouble)
        chosen.append(there)
    values = {name: request.form.get(name, "").strip()[:200] for name in ("name", "university", "tags")}
    university = values["university"] or chosen[0].title
    site = site_of(
        chosen,
        known,
        university=university,
        name=values["name"] or None,
        tags=values["tags"].split(),
        is_intranet=_is_intranet(),
    )
    check(site, known)
    enrol(here.settings.instance, site, chosen, here.now())
    _tell_the_workers()
    return _page("done", names=[source.name for source in site.sources], university=university)


def _tell_the_workers() -> None:
    """Note in the database what is followed now: whoever polls reads the site files again."""
    here = service()
    here.store.sources.sync(load(here.settings.instance).sources, here.now())


def _is_intranet() -> bool:
    return "intranet" in request.form


def _explored(urls: Sequence[str], known: Catalogue) -> "list[Exploration]":
    from aggregator.follow.explore import explore

    here = service()
    config, is_intranet = here.settings, _is_intranet()

    async def look() -> "list[Exploration]":
        async with Fetcher(config.fetch, config.user_agent, own=config.own_ports, robots=here.store.robots) as fetcher:
            looks = (
                explore(fetcher, url, known, timezone=config.zone, now=here.now(), is_intranet=is_intranet)
                for url in urls
            )
            return await asyncio.gather(*looks)

    return asyncio.run(look())


def _links() -> Links:
    return Links(service().settings)


def _salt() -> str:
    """Another token makes forms void that are still open."""
    return service().settings.web.admin_token


def _page(step: str, status: int = 200, **shown: Any) -> Response:
    token = _links().form(service().now(), FORM, _salt()) if step in ("ask", "found", "known") else ""
    page = render_template("follow.html", step=step, token=token, is_intranet=_is_intranet(), **shown)
    return make_response(page, status)
