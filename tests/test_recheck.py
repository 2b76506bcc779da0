"""Articles looked at again: a real server, a real database, a clock set by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.identity import slug
from aggregator.model import ArticleRule
from tests.service import NOW, article_page, column, list_page, rss, source

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATH = "/info/1055/0.htm"
TITLE = "海棠大学第0号新闻：春季学期工作会议召开"
BODY = "<p>学校召开会议，部署春季学期重点工作，师生代表参加。</p><p>会议由副校长林月主持，各学院院长发言。</p><p>会议强调，要抓好课堂教学，用好新建的实验室。</p>"


@pytest.fixture
def one(service, university):
    """A service that has read a list of three articles."""
    made = service(source(column(university, count=3)))
    serve(university)
    made.poll()
    return made


def serve(university, title=TITLE, time="2025-03-20 09:44", body=BODY, path=PATH, **answer):
    university.serve(path, article_page(title, time, body), **answer)


def entry_of(one, university, path=PATH):
    return one.store.entries.by_slug(slug(university.url + path))


def history(one, university, path=PATH):
    return [(past.kind, past.what) for past in one.store.revisions.of(entry_of(one, university, path))]


def after(one, *pauses):
    """Polls what is due after each of *pauses*."""
    for pause in pauses:
        one.now += pause
        one.poll()


def test_articles_are_looked_at_after_an_hour_six_a_day_three_seven_and_thirty(one, university):
    university.requests.clear()
    looks = []
    for hour in range(0, 31 * 24 + 1):
        one.now = NOW + hour * HOUR
        university.requests.clear()
        one.poll()
        looks += [hour for request in university.requests if request.path == PATH]

    assert [1, 6, 24, 72, 168, 720] == looks
    with one.store.read() as connection:
        assert 0 == connection.exec_driver_sql("SELECT count(*) FROM recheck").scalar()


def test_an_edited_text_is_kept_as_a_revision_and_shown_as_it_is_now(one, university):
    before = entry_of(one, university)
    serve(university, body=BODY.replace("林月主持", "周远主持"))

    after(one, HOUR)

    now = entry_of(one, university)
    (past,) = one.store.revisions.of(now)
    assert ("edited", ("body",), TITLE) == (past.kind, past.what, past.title)
    assert before.text == past.text
    assert "周远主持" in now.text and "周远主持" in now.html
    assert (before.sort, before.slug, before.atom_id) == (now.sort, now.slug, now.atom_id)
    assert one.now == now.changed_at
