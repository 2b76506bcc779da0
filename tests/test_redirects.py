from datetime import UTC, datetime, timedelta

from aggregator.model import Response, Source
from aggregator.visit.redirects import STOOD, address_of, is_same_page, moved_of, vouched_at

NOW = datetime(2025, 3, 21, tzinfo=UTC)
OLD, NEW = "http://a.edu.cn/xw.htm", "https://www.a.edu.cn/xw/list.htm"


ELSEWHERE = "https://www.b.edu.cn/xw/list.htm"


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


def test_another_site_is_not_taken_for_the_new_address_before_something_vouches_for_it():
    assert (ELSEWHERE, None) == moved_of(source(), OLD, answer(ELSEWHERE, ELSEWHERE), NOW)
    assert OLD == address_of(source(ELSEWHERE, None), NOW + STOOD)
    assert (ELSEWHERE, None) == moved_of(source(NEW, NOW - STOOD), NEW, answer(ELSEWHERE, ELSEWHERE), NOW)


def test_known_entries_vouch_for_another_site():
    assert NOW == vouched_at(ELSEWHERE, None, 10, 20, NOW)
    assert vouched_at(ELSEWHERE, None, 9, 20, NOW) is None
    assert vouched_at(ELSEWHERE, None, 0, 0, NOW) is None
    assert NOW - STOOD == vouched_at(ELSEWHERE, NOW - STOOD, 0, 20, NOW)
    assert vouched_at(None, None, 20, 20, NOW) is None


def test_the_same_page_vouches_for_another_site_only_when_it_is_new():
    assert is_same_page(source(), answer(ELSEWHERE, ELSEWHERE))
    assert not is_same_page(source(ELSEWHERE, None), answer(ELSEWHERE, ELSEWHERE))
    assert not is_same_page(source(), Response(ELSEWHERE, 304, b"", moved_to=ELSEWHERE))
