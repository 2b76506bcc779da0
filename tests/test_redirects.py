from datetime import UTC, datetime, timedelta

from aggregator.model import Response, Source
from aggregator.redirects import STOOD, address_of, moved_of

NOW = datetime(2025, 3, 21, tzinfo=UTC)
OLD, NEW = "http://a.edu.cn/xw.htm", "https://www.a.edu.cn/xw/list.htm"


def source(moved_to=None, moved_at=None):
    return Source(
        name="x", site="x", university="x", title="x", url=OLD, next_poll_at=NOW, moved_to=moved_to, moved_at=moved_at
    )


def answer(url, moved_to=None):
    return Response(url, 200, b"", moved_to=moved_to)


def test_a_permanent_redirect_is_noted_and_not_yet_followed():
    assert (NEW, NOW) == moved_of(source(), OLD, answer(NEW, NEW), NOW)
    assert OLD == address_of(source(NEW, NOW), NOW + timedelta(days=1))


def test_it_is_followed_once_it_has_stood():
    standing = source(NEW, NOW - STOOD)
    assert NEW == address_of(standing, NOW)
    assert (NEW, NOW - STOOD) == moved_of(standing, NEW, answer(NEW), NOW)


def test_one_that_changes_its_mind_is_counted_anew():
    assert (NEW + "?2", NOW) == moved_of(source(NEW, NOW - STOOD), OLD, answer("x", NEW + "?2"), NOW)
    assert (None, None) == moved_of(source(NEW, NOW - STOOD / 2), OLD, answer(OLD), NOW)


def test_the_old_address_is_asked_again_when_the_new_one_fails():
    assert (None, None) == moved_of(source(NEW, NOW - STOOD), NEW, None, NOW)
    assert (NEW, NOW) == moved_of(source(NEW, NOW), OLD, None, NOW)
