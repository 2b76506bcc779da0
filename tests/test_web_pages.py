import gzip
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from markupsafe import Markup

from aggregator.health import health
from aggregator.model import Kept, ListingRule, Silence
from aggregator.store import Store, revisions
from aggregator.store.entries import Cursor
from aggregator.web.app import create_app
from aggregator.web.body import readable
from aggregator.web.pictures import Picture
from tests.newsroom import NOW, SITE_URL, app_of, empty_store, fill, rules, settings, story, text, visit

FORMATS = ("atom", "rss", "json")


@pytest.fixture
def store(tmp_path):
    with empty_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(store, tmp_path):
    return app_of(store, tmp_path).test_client()


@pytest.fixture
def full(client, store):
    """A client of a service with two weeks of news."""
    fill(store)
    return client


class Reader(HTMLParser):
    """What a test looks for in a page."""

    def __init__(self, page):
        super().__init__()
        self.links, self.images, self.ids, self.alternates, self.canonical, self.open = [], [], [], [], None, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        if tag == "a":
            self.links.append(given["href"])
        if tag == "img":
            self.images.append(given)
        if tag == "link" and given["rel"] == "alternate" and "type" in given:
            self.alternates.append(given["href"])
        if tag == "link" and given["rel"] == "canonical":
            self.canonical = given["href"]
        if tag not in ("meta", "link", "img", "br", "hr", "rect", "path", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert tag == self.open.pop()


def read(client, address, **headers):
    response = client.get(address, headers=headers)
    assert 200 == response.status_code, address
    page = Reader(response.text)
    assert [] == page.open
    return page


def places(store):
    """The addresses of every kind of page."""
    slug = store.entries.newest(1)[0].slug
    fixed = ["/", "/tags/", "/tags/海棠大学/", "/sources/", "/sources/haitang-news/", "/sources/xinghu-lectures/"]
    fixed += ["/universities/", "/universities/海棠大学/", "/archive/", "/archive/2025/03/", "/archive/2025/03/20/"]
    fixed += ["/tags/海棠大学+要闻/", "/about/", "/help/readers/", "/catalogue/", "/catalogue/?q=南开"]
    digests = ["/digest/", "/digest/2025-03-20/", "/digest/2025-W12/", "/digest/2025-03/", "/digest/2025-W12/?tag=通知"]
    return [*fixed, *digests, f"/entries/{slug}/"]


def test_every_page_is_well_formed_and_every_link_of_ours_leads_somewhere(full, store):
    todo, seen = places(store), set()
    while todo:
        address = todo.pop()
        path = address.partition("#")[0]
        if path in seen or not path.startswith("/"):
            continue
        seen.add(path)
        response = full.get(path)
        assert 200 == response.status_code, address
        if response.mimetype == "text/html":
            todo += Reader(response.text).links

    assert 100 < len(seen) < 1000


def test_every_page_names_itself_and_the_feeds(full, store):
    for address in places(store):
        page = read(full, address)

        assert page.canonical.startswith(SITE_URL)
        assert {f"/feed.{extension}" for extension in FORMATS} <= set(page.alternates)


def test_the_page_of_a_tag_and_of_a_source_name_their_feeds(full):
    tag, source = read(full, "/tags/海棠大学/"), read(full, "/sources/haitang-news/")

    assert [f"/tags/%E6%B5%B7%E6%A3%A0%E5%A4%A7%E5%AD%A6.{extension}" for extension in FORMATS] == tag.alternates[:3]
    assert [f"/sources/haitang-news.{extension}" for extension in FORMATS] == source.alternates[:3]


def test_links_to_a_place_in_a_page_find_it(full):
    anchors = [link for link in read(full, "/").links if "#" in link]

    assert len(anchors) > 2
    for link in anchors:
        path, _, anchor = link.partition("#")
        assert anchor in [*map(percent_encoded, read(full, path or "/").ids), "subscribe", "main"]


def percent_encoded(text):
    return "".join(f"%{byte:02X}" if byte > 127 else chr(byte) for byte in text.encode())


# ------------------------------------------------------------ landing page


def test_the_landing_page_counts_today_and_this_week(client, store):
    store.entries.record([visit(1, story(1, hours=1), story(2, hours=30), story(3, hours=24 * 6))])

    page = client.get("/").text

    assert ("今日 <b>1</b>", "本周 <b>2</b>") == (
        re.search("今日 <b>.*?</b>", page)[0],
        re.search("本周 <b>.*?</b>", page)[0],
    )


def test_the_landing_page_names_the_story_that_most_universities_tell_by_whoever_was_first(client, store):
    title = "三校联合发现古河道遗址并公布首批成果"
    store.entries.record([visit(1, story(1, hours=3, title=title), story(2, title="只有一校报道的一则长新闻"))])
    assert "报道最多" not in client.get("/").text

    store.entries.record([visit(3, story(3, hours=1, title=title, text=text(1)))])

    told = re.search(r"<h2>报道最多</h2>.*?</ul>", client.get("/").text, re.DOTALL)[0]
    assert [story(1).slug] == re.findall(r"/entries/(\w+)/", told)
    assert (title in told, "另有 1 校" in told) == (True, True)


def test_the_landing_page_changes_with_the_news_and_with_the_day(store, tmp_path):
    clock = [NOW]
    client = create_app(settings(tmp_path), store, lambda: clock[0]).test_client()
    store.entries.record([visit(1, story(1, title="旧闻"))])
    assert ("今天" in client.get("/").text, "旧闻" in client.get("/").text) == (True, True)

    store.entries.record([visit(1, story(2, title="新闻一则"))])
    assert "新闻一则" in client.get("/").text

    clock[0] = NOW + timedelta(days=3)
    assert "今天" not in client.get("/").text


def test_a_service_without_entries_says_what_happens(client, store):
    assert "第一次读取正在进行" in client.get("/").text
    assert "已读 0 个" in client.get("/").text

    store.entries.record([visit(number) for number in range(1, 6)])
    assert "一条新闻也没有" in client.get("/").text

    store.sources.sync([], NOW)
    assert "aggregator add" in client.get("/").text


# ------------------------------------------------------------ lists


@pytest.mark.parametrize("place", ["/tags/甲/", "/sources/haitang-news/"])
def test_a_list_leads_to_its_end(client, store, place):
    store.entries.record([visit(1, *(story(n, hours=n // 4, tags=("甲",), title=f"第{n}则") for n in range(70)))])

    seen, address = [], place
    while address:
        page = client.get(address).text
        seen += re.findall("第(\\d+)则", page.partition("</main>")[0])
        address = next(iter(re.findall('rel="next" href="(.*?)"', page)), None)

    assert [str(n) for n in range(70)] == seen


def test_a_source_shows_why_it_fails(full):
    page = full.get("/sources/xinghu-lectures/").text

    assert ("失效" in page, "等待超时" in page, "连续失败 4 次" in page, "did not answer within 30 s" in page) == (
        True,
    ) * 4


@pytest.mark.parametrize(
    ("accepted", "said", "label"),
    [("zh", "xinghu.example 迟迟没有回应", "详情"), ("en", "xinghu.example does not", "Details")],
)
def test_what_fails_is_said_in_the_readers_language_and_word_for_word_in_the_details(full, accepted, said, label):
    for place in ("/sources/", "/sources/xinghu-lectures/"):
        page = full.get(place, headers={"Accept-Language": accepted}).text

        assert said in page
        assert re.search(rf"<summary>{label}</summary><span lang=\"en\">[^<]*did not answer within 30 s", page)
        assert "did not answer" not in re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)


def test_a_service_that_reaches_no_source_says_so(client, store):
    for hour in range(8):
        said = visit(1, cause="offline", polled_at=NOW - timedelta(hours=8 - hour), message="no host answered")
        store.entries.record([said])
    store.breaks.note_network()

    page = client.get("/sources/").text

    assert "所有来源都读不到，多半是本机的网络不通" in page
    assert "no host answered" in page
    assert "aggregator_offline 1" in client.get("/metrics").text
    assert "高校新闻 失效：本机网络不通" in client.get("/sources.atom").text


def test_a_date_yet_to_come_is_that_of_seeing(client, store):
    announced = story(1, published=NOW + timedelta(days=400), seen_at=NOW)
    store.entries.record([visit(1, announced)])

    page = client.get(f"/entries/{announced.slug}/").text

    assert f"{NOW.year}年" in page
    assert f"{NOW.year + 1}" not in page


def test_a_source_proves_its_health(full, store):
    rule = ListingRule("ul > li", "a", "", "span")
    kept = Kept(
        True,
        "http://haitang.example/haitang-news/",
        200,
        {"server": "VSB"},
        gzip.compress(b"<b>\x07list</b>"),
        is_cut=True,
    )
    store.entries.record([visit(1, rule=rule, kept=kept, repair="2025-03-20: read by 'ul > li' from now on")])

    well, broken = full.get("/sources/haitang-news/").text, full.get("/sources/xinghu-lectures/").text

    for part in (
        "item = ul &gt; li",
        "date = span",
        "2025-03-20: read by",
        "&lt;b&gt;list&lt;/b&gt;",
        "VSB",
        "只留下开头",
    ):
        assert part in well
    for part in (
        "&lt;script&gt;alert(&#39;网站维护中&#39;)&lt;/script&gt;",
        "503",
        "失效记录",
        "至今",
        "若很快，便是本机的网络被拒",
    ):
        assert part in broken
    assert "<script>" not in broken


def test_the_sources_name_the_feed_of_breaks(full):
    assert "/sources.atom" in read(full, "/sources/").alternates


def test_sources_that_are_new_off_or_quiet_say_so(client, store):
    assert "还没有读过" in client.get("/sources/").text

    long_ago = NOW - timedelta(days=90)
    silence = Silence(NOW - timedelta(days=9), NOW + timedelta(days=9))
    store.entries.record([visit(1, story(1), polled_at=long_ago, silence=silence)])
    assert "自2024年12月21日起没有新条目，还在它的节奏之内" in client.get("/sources/").text

    store.entries.record([visit(1, silence=Silence(long_ago, NOW))])
    page = client.get("/sources/haitang-news/").text
    assert "自2024年12月21日起没有新条目，远比平常久" in page
    assert "看看这个栏目是否还在用" in page

    store.sources.sync([], NOW)
    assert "已在来源文件中停用" in client.get("/sources/").text


# ------------------------------------------------------------ entries


def test_an_entry_is_shown_whole(client, store):
    store.entries.record([visit(1, story(4, author="沈知远", origin="农学院", section=("新闻中心", "学校要闻")))])
    slug = store.entries.newest(1)[0].slug

    page = client.get(f"/entries/{slug}/").text

    for part in (
        "沈知远",
        "农学院",
        "新闻中心",
        "2025年3月21日",
        "10:30",
        "http://haitang.example/info/1001/4.htm",
        "三县八点",
    ):
        assert part in page


def test_a_day_is_not_shown_as_a_minute(client, store):
    midnight = datetime(2025, 3, 20, 16, tzinfo=UTC)
    store.entries.record([visit(1, story(1, published=midnight, precision="day"))])

    page = client.get(f"/entries/{store.entries.newest(1)[0].slug}/").text

    assert '<time datetime="2025-03-21">' in page
    assert "00:00" not in page


def test_an_entry_without_a_date_says_when_it_was_found(client, store):
    store.entries.record([visit(1, story(1, published=None, precision=None, seen_at=NOW))])

    assert "网页未注日期，收录于2025年3月21日" in client.get(f"/entries/{store.entries.newest(1)[0].slug}/").text


def test_what_universities_write_is_text_and_not_markup(client, store):
    evil = '<script>alert("x")</script>'
    fields = {"title": evil, "summary": evil, "author": evil, "origin": evil, "section": (evil,), "tags": (evil,)}
    store.entries.record([visit(1, story(1, **fields, images=('"><script>',)))])
    slug = store.entries.newest(1)[0].slug

    for address in (
        "/",
        "/tags/",
        "/sources/haitang-news/",
        f"/entries/{slug}/",
        "/digest/2025-03-21/",
        "/digest/2025-03/",
    ):
        assert "<script>" not in client.get(address).text


def test_a_very_poor_entry_has_a_page_too(client, store):
    bare = {"title": "", "summary": "", "html": "", "text": "", "tags": (), "precision": None, "published": None}
    store.entries.record([visit(1, story(1, **bare))])

    page = client.get(f"/entries/{store.entries.newest(1)[0].slug}/").text

    assert "<h1>http://haitang.example/info/1001/1.htm</h1>" in page
    assert "首发页面上没有正文" in page


def test_pictures_load_when_they_are_looked_at(full, store):
    images = read(full, f"/entries/{store.entries.newest(1)[0].slug}/").images + read(full, "/").images

    assert {("/pictures/", "lazy")} == {(image["src"][:10], image["loading"]) for image in images}


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("<p>　　开头&nbsp;空格</p>", "<p>开头&nbsp;空格</p>"),
        ("<h1>标题</h1>", "<h2>标题</h2>"),
        ("<h4>标题</h4><h3>标题</h3>", "<h3>标题</h3><h2>标题</h2>"),
        ("<h6>标题</h6>", "<h2>标题</h2>"),
        (
            '<img src="a" alt="1 > 0">',
            '<img src="a" alt="1 &gt; 0" loading="lazy" decoding="async" referrerpolicy="no-referrer">',
        ),
        ('<a href="a" title="<img onerror=x>">a</a>', '<a href="a" title="<img onerror=x>">a</a>'),
        (
            "<table><tbody><tr><td><table></table></td></tr></tbody></table>",
            '<div class="scroll" tabindex="0"><table><tbody><tr><td><table></table></td></tr></tbody></table></div>',
        ),
        ("<pre><code>a</code></pre>", '<pre tabindex="0"><code>a</code></pre>'),
        ('<audio controls="" src="a"></audio>', '<audio controls="" src="a" preload="none"></audio>'),
    ],
)
def test_a_body_is_made_readable(stored, shown):
    assert Markup(shown) == readable(stored, Picture)


def test_an_attribute_cannot_become_markup():
    stored = '<img src="a" alt="<img onerror=alert(1) x=">'

    assert 1 == len(Reader(readable(stored, Picture)).images)


# ------------------------------------------------------------ digests


def test_a_digest_of_a_tag_has_that_tag_only(client, store):
    store.entries.record([visit(1, story(1, tags=("甲",), title="甲事"), story(2, tags=("乙",), title="乙事"))])

    page = client.get("/digest/2025-W12/?tag=甲").text

    assert ("甲事" in page, "乙事" in page) == (True, False)


def test_digests_before_skip_days_without_news(client, store):
    store.entries.record([visit(1, story(1), story(2, hours=24 * 9))])

    page = read(client, "/digest/2025-03-21/")

    assert "/digest/2025-03-12/" in page.links
    assert "/digest/2025-03-22/" not in page.links
    assert "/digest/2025-03-13/" in read(client, "/digest/2025-03-12/").links


def test_a_day_without_news_has_a_digest_that_says_so(full):
    assert "这一期没有新闻" in full.get("/digest/2024-01-01/").text


@pytest.mark.parametrize(
    "address",
    ["2025-02-30", "2025-W60", "2025-13", "2999-01-01", "2025-03-22", "tomorrow", "2025-3-1", "2025-03-21/?tag=没有",
     "2025-03-21/?format=pdf"],
)  # fmt: skip
def test_a_digest_that_cannot_be_is_not_found(client, address):
    assert 404 == client.get(f"/digest/{address}{'' if '?' in address else '/'}").status_code


def test_a_digest_for_programs(full):
    response = full.get("/digest/2025-03-20/?format=json")

    said = json.loads(response.data)
    assert ("application/json", 5, "2025-03-20") == (response.mimetype, said["entry_count"], said["first"])
    assert said["groups"][0]["universities"][0]["stories"][0]["url"].startswith(SITE_URL)


# ------------------------------------------------------------ machines and mishaps


def test_healthz_counts(full):
    response = full.get("/healthz")

    assert {"status": "ok", "offline": False, "entries": 60, "sources": {"working": 4, "broken": 1}} == response.json
    assert "no-store" == response.headers["Cache-Control"]


def test_healthz_tells_that_no_source_is_reached(client, store):
    for hours in (0, 3, 6):
        at = NOW + timedelta(hours=hours)
        store.entries.record([visit(1, polled_at=at, status=None, cause="offline", message="down")])
    store.breaks.note_network()

    response = client.get("/healthz")

    assert (200, True) == (response.status_code, response.json["offline"])


def test_the_numbers_are_what_prometheus_reads(full, store):
    response = full.get("/metrics")

    assert "text/plain; version=0.0.4; charset=utf-8" == response.headers["Content-Type"]
    assert "no-store" in response.headers["Cache-Control"]
    for line in response.text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+(\.\d+)?', line), line
    for line in (
        'aggregator_sources{state="working"} 4',
        'aggregator_sources{state="broken"} 1',
        "aggregator_entries 60",
        'aggregator_polls_last_hour{outcome="failed",fault="timeout"} 1',
        'aggregator_polls_last_hour{outcome="new",fault=""} 4',
    ):
        assert line in response.text.splitlines()
    assert revisions()[-1] in response.text


def test_the_database_counts_the_states_that_health_tells(store):
    later, before = NOW + timedelta(days=1), NOW - timedelta(days=1)
    for number, said in enumerate(
        (
            {"fault": "gone", "cause": "status", "failures": 1, "strikes": 1},
            {"fault": "dns", "cause": "dns", "failures": 2, "strikes": 2},
            {"fault": "shape", "strikes": 3, "silence": Silence(before, before)},
            {"silence": Silence(before, before)},
            {"silence": Silence(before, later)},
        ),
        1,
    ):
        store.entries.record([visit(number, **said)])

    told = Counter(health(state.source, state.polls, NOW).state for state in store.counts.of_sources())

    assert {"gone": 1, "failing": 1, "broken": 1, "stale": 1, "quiet": 1} == told
    assert told == store.counts.standing(NOW, NOW).states
    store.sources.sync(rules()[:4], NOW)
    assert 1 == store.counts.standing(NOW, NOW).states["off"]


def test_a_database_that_cannot_be_read_is_told(tmp_path, caplog):
    (tmp_path / "broken.db").write_bytes(b"this is not a database" * 1000)
    client = app_of(Store(f"sqlite:///{tmp_path}/broken.db"), tmp_path).test_client()

    answers = [client.get(place) for place in ("/healthz", "/", "/feed.atom", "/metrics")]

    assert [503] * 4 == [answer.status_code for answer in answers]
    assert "unavailable" == answers[0].json["status"]
    assert "暂时读不到数据库" in answers[1].text
    assert str(tmp_path) not in "".join(answer.text for answer in answers)
    assert str(tmp_path) in caplog.text


@pytest.mark.parametrize(
    "address", ["/nope", "/tags/没有/", "/sources/none/", "/entries/none/", "/tags/甲/?before=x", "/%00", "/?lang=%00"]
)
def test_what_is_not_there_has_a_short_page(client, address):
    response = client.get(address)

    assert (404, "no-store") == (response.status_code, response.headers["Cache-Control"])
    assert "没有这一页" in response.text


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("/tags/讲坐/", "/tags/%E8%AE%B2%E5%BA%A7/"),
        ("/tags/要闻+讲坐/", "/tags/%E8%AE%B2%E5%BA%A7/"),
        ("/sources/haitang-new/", "/sources/haitang-news/"),
        ("/universities/海棠学院/", "/universities/%E6%B5%B7%E6%A3%A0%E5%A4%A7%E5%AD%A6/"),
    ],
)
def test_a_name_that_is_not_there_leads_to_those_near_it(full, address, there):
    response = full.get(address)

    assert 404 == response.status_code
    assert "你要找的也许是" in response.text
    assert there in Reader(response.text).links


def test_a_feed_that_is_not_there_names_those_near_it(full):
    response = full.get("/tags/讲坐.atom", headers={"Accept-Language": "en"})

    assert (404, "text/plain; charset=utf-8") == (response.status_code, response.headers["Content-Type"])
    assert "Near it are: 讲座\n" in response.text


def test_a_form_is_not_taken(client):
    response = client.post("/")

    assert (405, {"GET", "HEAD", "OPTIONS"}) == (response.status_code, set(response.allow))
    assert "这里只能阅读" in response.text


def test_a_fault_of_ours_has_a_page_and_a_traceback_in_the_log(client, caplog):
    client.application.testing = False
    client.application.view_functions["pages.tags"] = lambda: 1 / 0

    response = client.get("/tags/")

    assert 500 == response.status_code
    assert "程序出错了" in response.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "address", ["/", "/feed.atom", "/static/style.css", "/nope", "/healthz", "/tags", "/sources.opml", "/robots.txt"]
)
def test_every_answer_is_guarded(client, address):
    headers = client.get(address, buffered=True).headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert ("'none'", "'self'", "'self'", "'self' data:", "'none'") == (
        policy["default-src"], policy["style-src"], policy["script-src"], policy["img-src"], policy["frame-ancestors"]
    )  # fmt: skip
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert {"Permissions-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"} <= set(headers.keys())
    assert ("nosniff", "no-referrer") == (headers["X-Content-Type-Options"], headers["Referrer-Policy"])


def test_the_icons_are_there(client):
    assert ["image/svg+xml", "image/svg+xml", "image/png", "application/manifest+json"] == [
        client.get(path, buffered=True).mimetype
        for path in ("/favicon.svg", "/favicon.ico", "/icon.png", "/site.webmanifest")
    ]
    assert {"高校新闻"} == {client.get("/site.webmanifest").json[key] for key in ("name", "short_name")}


def test_a_page_is_sent_once_to_who_has_it(full):
    first = full.get("/")

    again = full.get("/", headers={"If-None-Match": first.headers["ETag"]})

    assert (304, b"", "no-cache") == (again.status_code, again.data, again.headers["Cache-Control"])


def test_the_place_after_the_last_entry_is_a_page(full, store):
    last = list(store.entries.walk())[-1]

    assert "没有更早的新闻" in full.get(f"/tags/海棠大学/?before={Cursor(last.sort, 0)}").text


def test_what_one_visitor_writes_in_the_address_is_not_shown_to_the_next(full):
    before = full.get("/").get_data(as_text=True)

    full.get("/?before=evil&tag=EVIL&x=EVIL")

    assert before == full.get("/").get_data(as_text=True)
    assert "evil" not in before.lower()
