"""Who may visit which host, on either database: one at a time, void once claimed anew, and exact under four writers."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text, update

from aggregator.model import Host, Lease, Site, Source, SourceRule
from aggregator.store import Store, leases
from tests.newsroom import story, visit
from tests.university import NOW

SITE = Site("haitang", "海棠大学")
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """An empty store on either database."""
    is_sqlite = request.param == "sqlite"
    opened = Store(f"sqlite:///{tmp_path}/aggregator.db" if is_sqlite else request.getfixturevalue("postgresql"))
    opened.upgrade()
    yield opened
    opened.close()


def follow(store, *addresses, now=NOW):
    rules = [(SITE, SourceRule(name=f"s{n}", title="s", url=url)) for n, url in enumerate(addresses)]
    store.sources.sync(rules, now)


def claim(store, now=NOW, *, owner="one", hosts=10, each=10):
    return store.leases.claim(owner, now, now + 2 * MINUTE, hosts, each)


def names(claims):
    return sorted(source.name for claim in claims for source in claim.sources)


def done(store, claim, *, next_poll_at=NOW + 60 * MINUTE, free_at=NOW):
    """Record a visit to each source of *claim*, the last of which ends its lease."""
    visits = [visit(one.id, next_poll_at=next_poll_at, lease=claim.lease) for one in claim.sources]
    last = visit(claim.sources[-1].id, next_poll_at=next_poll_at, lease=claim.lease, free_at=free_at)
    return store.entries.record([*visits[:-1], last])


def test_a_host_is_claimed_once_with_all_its_sources(store):
    follow(store, "http://news.a.edu.cn/", "http://jwc.a.edu.cn/", "http://b.edu.cn/")

    first = claim(store)

    assert {"a.edu.cn": 2, "b.edu.cn": 1} == {one.lease.host: len(one.sources) for one in first}
    assert [] == claim(store)


def test_no_more_hosts_and_sources_are_taken_than_asked_for_longest_due_first(store):
    follow(store, *(f"http://www.a.edu.cn/{n}" for n in range(5)), "http://b.edu.cn/", "http://c.edu.cn/")
    with store.write() as connection:
        longest_due = update(Host.__table__).where(Host.name == "a.edu.cn")
        connection.execute(longest_due.values(next_at=NOW - MINUTE))

    (first,) = claim(store, hosts=1, each=3)

    assert ("a.edu.cn", 3) == (first.lease.host, len(first.sources))
    done(store, first)
    assert ["s3", "s4", "s5", "s6"] == names(claim(store))


def test_a_lease_runs_out(store):
    follow(store, "http://a.edu.cn/")
    (first,) = claim(store)

    assert [] == claim(store, NOW + MINUTE)
    (second,) = claim(store, NOW + 2 * MINUTE, owner="two")
    assert first.lease.token < second.lease.token


def test_a_lease_that_is_renewed_lasts(store):
    follow(store, "http://a.edu.cn/")
    (first,) = claim(store)

    assert set() == store.leases.renew([first.lease], NOW + 4 * MINUTE)

    assert [] == claim(store, NOW + 3 * MINUTE)
    assert ["s0"] == names(claim(store, NOW + 4 * MINUTE))


def test_a_lease_that_was_claimed_anew_is_void(store):
    follow(store, "http://a.edu.cn/", "http://b.edu.cn/")
    lost, kept = sorted(claim(store), key=lambda one: one.lease.host)
    store.leases.renew([kept.lease], NOW + 9 * MINUTE)
    (new,) = claim(store, NOW + 3 * MINUTE, owner="two")

    assert {lost.lease} == store.leases.renew([lost.lease, kept.lease], NOW + 9 * MINUTE)
    store.leases.release([lost.lease])

    assert ["two"] == [one.owner for one in store.leases.holders(NOW + 4 * MINUTE) if one.host == new.lease.host]


def test_a_visit_under_a_void_lease_is_not_recorded_and_one_beside_it_is(store):
    follow(store, "http://a.edu.cn/", "http://b.edu.cn/")
    lost, kept = sorted(claim(store), key=lambda one: one.lease.host)
    store.leases.renew([kept.lease], NOW + 9 * MINUTE)
    claim(store, NOW + 3 * MINUTE, owner="two")

    brought = store.entries.record(
        [visit(lost.sources[0].id, story(1), lease=lost.lease), visit(kept.sources[0].id, story(2), lease=kept.lease)]
    )

    assert [None, 1] == brought
    assert [story(2).url] == [one.url for one in store.entries.newest(10)]
    assert () == store.sources.by_name("s0").polls


def test_nothing_is_lost_when_a_visit_is_not_recorded(store):
    follow(store, "http://a.edu.cn/")
    (lost,) = claim(store)
    (new,) = claim(store, NOW + 3 * MINUTE, owner="two")
    store.entries.record([visit(lost.sources[0].id, story(1), lease=lost.lease, body_hash="read")])

    assert new.sources[0].body_hash is None
    assert [1] == store.entries.record([visit(new.sources[0].id, story(1), lease=new.lease, body_hash="read")])


def test_a_host_rests_after_its_last_visit_and_is_due_with_its_next_source(store):
    follow(store, "http://a.edu.cn/1", "http://a.edu.cn/2")
    (first,) = claim(store, each=1)
    done(store, first, next_poll_at=NOW + 60 * MINUTE, free_at=NOW + MINUTE)

    assert [] == claim(store)
    (second,) = claim(store, NOW + MINUTE)
    assert ["s1"] == names([second])
    done(store, second, next_poll_at=NOW + 30 * MINUTE)
    assert [] == claim(store, NOW + 29 * MINUTE)
    assert ["s1"] == names(claim(store, NOW + 30 * MINUTE))


def test_a_host_given_back_is_due_at_once(store):
    follow(store, "http://a.edu.cn/")
    (first,) = claim(store)

    store.leases.release([first.lease])

    assert ["s0"] == names(claim(store, owner="two"))


def test_named_sources_come_due_or_not_but_not_beside_another_process(store):
    follow(store, "http://a.edu.cn/", "http://b.edu.cn/")
    (first,) = claim(store, hosts=1)
    done(store, first, free_at=NOW + MINUTE)
    claim(store, owner="another")

    claims, held = store.leases.claim_named("me", NOW, NOW + MINUTE, ["s0", "s1"])

    assert [first.lease.host] == [one.lease.host for one in claims]
    assert [("another", NOW + 2 * MINUTE)] == [(one.owner, one.until) for one in held]
    assert {first.lease.host} < {one.host for one in store.leases.holders(NOW)}


def test_a_new_source_of_a_host_that_is_held_waits_for_its_turn(store):
    follow(store, "http://a.edu.cn/1")
    (first,) = claim(store)

    follow(store, "http://a.edu.cn/1", "http://a.edu.cn/2")

    assert [] == claim(store, owner="two")
    done(store, first)
    assert ["s1"] == names(claim(store, owner="two"))


def test_a_worker_that_died_after_its_last_visit_leaves_nothing_due(store):
    follow(store, "http://a.edu.cn/")
    (first,) = claim(store)
    store.entries.record([visit(first.sources[0].id, next_poll_at=NOW + 60 * MINUTE, lease=first.lease)])

    assert [] == claim(store, NOW + 3 * MINUTE, owner="two")
    assert ["s0"] == names(claim(store, NOW + 60 * MINUTE, owner="two"))


def test_a_source_switched_off_is_not_claimed(store):
    follow(store, "http://a.edu.cn/", "http://b.edu.cn/")
    follow(store, "http://a.edu.cn/")

    assert ["s0"] == names(claim(store))


def test_a_sole_scheduler_takes_all_back_after_a_crash(store):
    follow(store, "http://a.edu.cn/", "http://b.edu.cn/")
    (before, _) = claim(store)

    store.leases.release_all()

    assert ["s0", "s1"] == names(claim(store))
    assert {before.lease} == store.leases.renew([before.lease], NOW + MINUTE)


def test_a_source_that_is_added_while_its_host_is_given_back_is_due(postgresql):
    store = Store(postgresql)
    store.upgrade()
    follow(store, "http://a.edu.cn/")
    (first,) = claim(store)
    done(store, first, free_at=None)
    with ThreadPoolExecutor(1) as thread:
        with store.write() as connection:
            connection.execute(update(Source.__table__).values(next_poll_at=NOW))
            leases.schedule(connection, ["a.edu.cn"])
            given_back = thread.submit(store.leases.release, [first.lease])
            wait([given_back], timeout=0.5)  # it waits for us, or else has not seen what is scheduled
        given_back.result()

    assert ["s0"] == names(claim(store))
    store.close()


def test_claimers_share_the_work_without_overlap(store):
    follow(store, *(f"http://{n % 100}.h{n % 100}.edu.cn/{n}" for n in range(200)))

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: claim(store, owner=str(n), hosts=5), range(40)))

    taken = [one for some in claims for one in some]
    assert 100 == len(taken) == len({one.lease.host for one in taken})
    assert 200 == len(names(taken)) == len(set(names(taken)))


def test_four_writers_lose_and_double_nothing(store):
    """Each of 40 visits brings an entry of its own and ten that all bring, in another order, under tags they share."""
    follow(store, *(f"http://h{n}.edu.cn/" for n in range(40)))
    ids = {source.name: source.id for one in claim(store, hosts=40) for source in one.sources}

    def write(number):
        shared = [story(1000 + (number * 7 + n) % 10, tags=("全校", f"组{n % 3}")) for n in range(10)]
        own = story(number, tags=("全校", f"组{number % 3}"))
        return store.entries.record([visit(ids[f"s{number}"], own, *shared)])

    with ThreadPoolExecutor(4) as pool:
        brought = [count for counts in pool.map(write, range(40)) for count in counts]

    entries = store.entries.newest(100)
    assert 50 == len(entries) == len({one.url for one in entries}) == sum(brought) == store.entries.count()
    assert {(tag.name, tag.entry_count) for tag in store.entries.tags()} == {
        (name, sum(name in one.tags for one in entries)) for name in ("全校", "组0", "组1", "组2")
    }
    assert f"all={sum(count > 0 for count in brought)}" == store.feeds.version(["all"])
    assert [1] * 40 == [len(store.sources.by_name(name).polls) for name in ids]


def test_a_lease_of_a_host_that_is_unknown_is_void(store):
    assert {Lease("nowhere", 1)} == store.leases.renew([Lease("nowhere", 1)], NOW)


def test_writers_that_wait_for_each_other_both_get_through(postgresql):
    opened = Store(postgresql)
    opened.upgrade()
    follow(opened, "http://a.edu.cn/", "http://b.edu.cn/")
    both = Barrier(2)
    begun = []

    def write(order):
        def work(connection):
            begun.append(order)
            for number, name in enumerate(order):
                connection.execute(text("UPDATE host SET token = token + 1 WHERE name = :name"), {"name": name})
                if number == 0 and len(begun) <= 2:
                    both.wait()

        opened.transact(work)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, (["a.edu.cn", "b.edu.cn"], ["b.edu.cn", "a.edu.cn"])))

    with opened.read() as connection:
        assert [2, 2] == list(connection.execute(text("SELECT token FROM host")).scalars())
    assert len(begun) > 2
    opened.close()
