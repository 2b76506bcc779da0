"""Files that articles offer, and how long their servers say they are: a real server, a real database."""

import asyncio
from itertools import pairwise
from time import monotonic

import pytest

from aggregator.demo.server import Raw
from aggregator.errors import FetchError
from aggregator.gather.answer import file_facts
from aggregator.gather.fetch import Fetcher
from aggregator.model import Attachment, Response
from aggregator.publish import FORMATS
from aggregator.settings import FetchSettings
from tests.hostile import hostile
from tests.published import info
from tests.service import NOW, article_page, list_page, source
from tests.test_recheck import BODY, DAY, HOUR, PATH, TITLE, after, entry_of, history

PDF = b"%PDF-1.7" + bytes(1_199_992)
FILE, FORM = "/files/1.pdf", "/system/_content/download.jsp?urltype=news.DownloadAttachUrl&id=7"


def links(*paths):
    return "".join(f"<p><a href='{path}'>附件{number}</a></p>" for number, path in enumerate(paths))


@pytest.fixture(params=["aiohttp", "httpx"])
def transport(request):
    return request.param


@pytest.fixture
def visit(service, university):
    """A service that has read a list of one article with links to files."""

    def work(*paths, is_intranet=False, **fetch):
        university.serve(PATH, article_page(TITLE, body=BODY + links(*paths)))
        url = university.serve("/xw.htm", list_page((PATH[1:], TITLE, "2025-03-20")))
        one = service(source(url, allow_private_networks=is_intranet), **fetch)
        one.poll()
        assert ("new", None) == (one.last("haitang-news").outcome, one.last("haitang-news").message)
        return one

    return work


def offer(university, path, body=PDF):
    return university.serve(path, body, content_type="application/pdf")


def lengths(one, university):
    return [file.length for file in entry_of(one, university).attachments]


def asked(university):
    """The files that were asked for."""
    return [one.path for one in university.requests if one.method == "HEAD"]


def test_files_of_a_new_article_have_the_length_and_type_that_their_server_says(visit, university, transport):
    university.serve(FILE, PDF, content_type="application/octet-stream")
    university.serve(FORM, b"word", content_type="application/msword; charset=utf-8")

    one = visit(FILE, FORM, transport=transport)

    entry = entry_of(one, university)
    assert (
        Attachment(university.url + FILE, "附件0", "application/pdf", 1_200_000),
        Attachment(university.url + FORM, "附件1", "application/msword", 4),
    ) == entry.attachments
    assert [FILE, FORM] == asked(university)
    assert not [request for request in university.requests if request.path in (FILE, FORM) and request.method == "GET"]
    assert "identity" == university.requests[-1].headers["accept-encoding"]
    feeds = {name: form.render(info(), [entry]).decode() for name, form in FORMATS.items()}
    assert 'length="1200000"' in feeds["atom"]
    assert 'length="1200000" type="application/pdf"' in feeds["rss"]
    assert '"size_in_bytes":1200000' in feeds["json"]


@pytest.mark.parametrize("status", [405, 500])
def test_a_server_that_answers_no_head_is_asked_once_in_a_visit_and_costs_no_entry(visit, university, status):
    for path in (FILE, "/files/2.pdf"):
        university.serve(path, "no", status=status)

    one = visit(FILE, "/files/2.pdf")

    assert ([None, None], [FILE]) == (lengths(one, university), asked(university))


def test_a_file_that_is_gone_leaves_the_others_their_lengths(visit, university):
    offer(university, "/files/2.pdf")

    assert [None, len(PDF)] == lengths(visit(FILE, "/files/2.pdf"), university)


@pytest.mark.parametrize(
    "answer",
    [None, Raw(b"what?\r\n\r\n"), Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%PDF")],
)
def test_a_server_that_answers_a_head_with_something_else_costs_no_entry(visit, university, transport, answer):
    university.serve(FILE, lambda request: answer)

    assert lengths(visit(FILE, transport=transport), university)[0] in (None, 4)


def test_a_server_that_hangs_costs_no_entry_and_is_asked_once_in_a_visit(visit, university, transport):
    came = []
    for path in (FILE, "/files/2.pdf"):
        offer(university, path, lambda request: came.append(request.path) or university.pause(9) or PDF)

    one = visit(FILE, "/files/2.pdf", idle_seconds=0.3, transport=transport)

    assert ([None, None], [FILE]) == (lengths(one, university), came)


def test_a_host_that_drops_every_head_is_still_asked_for_its_pages(university, transport):
    drops = university.serve(FILE, lambda request: None)
    page = university.serve("/page", "here")

    async def work():
        settings = FetchSettings(allow_private_networks=True, per_host_delay_seconds=0, transport=transport)
        async with Fetcher(settings, "tests") as fetcher:
            for _ in range(3):
                with pytest.raises(FetchError):
                    await fetcher.fetch_header(drops)
            return await fetcher.fetch(page)

    assert b"here" == asyncio.run(work()).body


def test_a_body_that_follows_a_head_is_not_taken_for_the_next_answer(transport):
    answered = []

    def behave(connection, closing):
        if answered:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")
            return
        answered.append("HEAD")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 42\r\nContent-Type: application/pdf\r\n\r\n")
        closing.wait(0.1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfile")
        connection.recv(65536)

    async def work(url):
        settings = FetchSettings(
            allow_private_networks=True, respect_robots=False, per_host_delay_seconds=0, transport=transport
        )
        async with Fetcher(settings, "tests") as fetcher:
            header = await fetcher.fetch_header(url + "a.pdf")
            return header, await fetcher.fetch(url)

    with hostile(behave) as url:
        header, page = asyncio.run(work(url))

    assert ((42, "application/pdf"), b"") == (file_facts(header), header.body)
    assert b"page" == page.body


def test_a_file_that_leads_to_a_forbidden_address_is_not_followed(visit, university, transport):
    offer(university, "/secret.pdf")
    elsewhere = university.url.replace("127.0.0.1", "localhost") + "/secret.pdf"
    university.serve(FILE, "", status=302, headers={"location": elsewhere})

    one = visit(FILE, is_intranet=True, allow_private_networks=False, transport=transport)

    assert ([None], [FILE]) == (lengths(one, university), asked(university))


def test_files_that_robots_txt_forbids_are_not_asked_for(visit, university):
    university.serve("/robots.txt", "User-agent: *\nDisallow: /files/", content_type="text/plain")
    offer(university, FILE)

    one = visit(FILE, respect_robots=True)

    assert ([None], []) == (lengths(one, university), asked(university))


def test_a_host_gets_its_pause_before_each_file_too(visit, university):
    times = []

    def answer(request):
        times.append(monotonic())
        return PDF

    paths = [f"/files/{number}.pdf" for number in range(3)]
    for path in paths:
        university.serve(path, answer)

    visit(*paths, per_host_delay_seconds=0.1)

    assert 3 == len(times)
    assert all(later - earlier >= 0.1 for earlier, later in pairwise(times))


def test_a_handful_of_files_of_one_article_is_asked_for(visit, university):
    paths = [f"/files/{number}.pdf" for number in range(7)]
    for path in paths:
        offer(university, path)

    one = visit(*paths)

    assert paths[:5] == asked(university)
    assert [len(PDF)] * 5 + [None] * 2 == lengths(one, university)


def test_nobody_is_asked_where_the_setting_says_so(visit, university):
    offer(university, FILE)

    one = visit(FILE, file_lengths=False)

    assert ([None], []) == (lengths(one, university), asked(university))


@pytest.mark.parametrize(
    ("headers", "facts"),
    [
        ({"content-length": "7", "content-type": "application/pdf"}, (7, "application/pdf")),
        ({"content-length": "7"}, (7, None)),
        ({"content-length": "7", "content-type": "application/octet-stream"}, (7, None)),
        ({"content-length": "7", "content-type": "application/x-msdownload"}, (7, None)),
        ({"content-length": "7", "content-type": "what?"}, (7, None)),
        ({"content-length": "7", "content-type": "Text/HTML; charset=gbk"}, (None, None)),  # a login
        ({"content-length": "7", "content-encoding": "gzip", "content-type": "text/csv"}, (None, "text/csv")),
        *(({"content-length": said}, (None, None)) for said in ("", "0", "-7", "7, 7", "٧", "9" * 13, "9" * 9000)),
    ],
)
def test_what_a_header_says_of_a_file(headers, facts):
    assert facts == file_facts(Response("http://a.edu.cn/1.pdf", 200, b"", headers))


# ---------------------------------------------------------------- articles that are looked at again


def test_an_unchanged_article_whose_files_were_asked_for_tells_nothing(visit, university):
    offer(university, FILE)
    one = visit(FILE)
    before = entry_of(one, university)

    after(one, HOUR, 5 * HOUR, 18 * HOUR, 2 * DAY)

    assert ([], before) == (history(one, university), entry_of(one, university))
    assert [FILE] == asked(university)


def test_an_edited_article_keeps_the_lengths_of_files_that_stay(visit, university):
    offer(university, FILE)
    offer(university, "/files/2.pdf")
    one = visit(FILE, "/files/2.pdf")
    offer(university, "/files/3.pdf", b"new")
    university.serve(PATH, article_page(TITLE, body=BODY + links(FILE, "/files/3.pdf")))

    after(one, HOUR, HOUR)

    assert [("edited", ("attachments",))] == [(kind, what[-1:]) for kind, what in history(one, university)]
    files = [(file.url.removeprefix(university.url), file.length) for file in entry_of(one, university).attachments]
    assert [(FILE, len(PDF)), ("/files/3.pdf", 3)] == files
    assert [FILE, "/files/2.pdf", "/files/3.pdf"] == asked(university)


def test_an_edited_article_has_a_file_once_whose_address_is_signed_anew_at_each_reading(visit, university):
    one, number = visit(), iter(range(100))
    text = BODY
    university.serve(PATH, lambda _: article_page(TITLE, body=text + links(f"{FILE}?token={next(number)}")))
    after(one, HOUR, HOUR)
    text = BODY.replace("林月", "周远")

    after(one, 4 * HOUR, HOUR)

    assert ("edited", ("body",)) == history(one, university)[0]
    assert 1 == len(entry_of(one, university).attachments)


def test_an_article_that_nobody_looked_at_does_not_change_for_its_lengths(visit, university):
    offer(university, FILE)
    one = visit(FILE)
    with one.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM recheck")
    assert 1 == one.store.rechecks.adopt(NOW)

    after(one, 3 * DAY, HOUR, 4 * DAY)

    assert ([], [len(PDF)]) == (history(one, university), lengths(one, university))
