import pytest

from aggregator.gather.charset import decode

TEXT = "<html><head>{meta}<title>海棠大学新闻网</title></head><body>学校召开会议，部署春季学期重点工作。①</body></html>"


def text(charset=None):
    return TEXT.format(meta=f'<meta charset="{charset}">' if charset else "")


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "gb2312", "gb18030", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("declared", ["right", None, "utf-8", "gb2312", "iso-8859-1"])
def test_the_text_is_right_whatever_is_declared(encoding, declared):
    page = text(encoding if declared == "right" else declared).replace("①", "" if encoding == "gb2312" else "①")

    assert page == decode(page.encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_the_header_is_heard(encoding):
    assert text() == decode(text().encode(encoding), f"text/html; charset={encoding}")


@pytest.mark.parametrize("label", ["x-gbk", "ms936", "cp936", "gb 2312", "GB_2312-80", "euc-cn", "utf8"])
def test_charsets_have_many_names(label):
    page = f'<meta http-equiv="Content-Type" content="text/html; charset={label}"><p>海棠</p>'

    assert page == decode(page.encode("utf-8" if label == "utf8" else "gbk"))


# thirty characters, the least that a page of news has
SHORT = {"gbk": "海棠大学召开春季学期重点工作部署会议党委书记出席并讲话各学院负责人参加", "big5": ""}
SHORT["big5"] = "海棠大學召開春季學期重點工作部署會議黨委書記出席並講話各學院負責人參加"
SHORT["utf-8"] = SHORT["gb18030"] = SHORT["gbk"]


@pytest.mark.parametrize("encoding", SHORT)
@pytest.mark.parametrize(
    "declared", [None, "utf-8", "gb2312", "big5", "iso-8859-1", "iso-8859-15", "windows-1251", "utf-16", "x-moon"]
)
def test_thirty_characters_are_read_whatever_the_server_and_the_page_say(encoding, declared):
    page = f"<title>{SHORT[encoding]}</title>"
    marked = f'<meta charset="{declared}">{page}' if declared else page

    assert page == decode(page.encode(encoding), f"text/html; charset={declared}" if declared else "text/html")
    assert marked == decode(marked.encode(encoding))


@pytest.mark.parametrize(
    "page",
    [
        '<meta charset="x-moon"><meta charset="gbk"><p>海棠</p>',
        '<!-- <meta charset="shift_jis"> --><meta charset="gbk"><p>海棠</p>',
        f'<script>{"var a = 1;" * 1000}</script><meta charset="gbk"><p>海棠</p>',
        '<?xml version="1.0" encoding="gbk"?><p>海棠</p>',
    ],
)
def test_the_declaration_is_found(page):
    assert page == decode(page.encode("gbk"))


def test_the_server_is_believed_before_the_page():
    page = '<meta charset="euc-kr"><p>ニュース</p>'

    assert page == decode(page.encode("shift_jis"), "text/html; charset=shift_jis")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("euc-kr", "대학교 공지사항 안내"),
        ("shift_jis", "大学からのお知らせ"),
        ("cp1251", "Московский университет"),
        ("iso8859-15", "L'université a été créée"),
    ],
)
def test_other_charsets_are_read_where_they_are_declared(encoding, words):
    page = f'<meta charset="{encoding}"><p>{words}</p>'

    assert page == decode(page.encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_stronger_than_what_is_declared(encoding, mark):
    page = text(encoding)

    assert page == decode(page.encode(mark), f"text/html; charset={encoding}")


def test_a_byte_order_mark_before_other_bytes_is_not_believed():
    assert text("gbk") == decode(b"\xef\xbb\xbf" + text("gbk").encode("gbk"))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("damage", ["put between", "put inside", "in place of a byte"])
def test_one_bad_byte_is_one_bad_character(encoding, damage):
    before, after = (part.encode(encoding) for part in text(encoding).split("部署"))
    word = "部署".encode(encoding)
    broken = {
        "put between": b"\xff" + word,
        "put inside": word[:1] + b"\xff" + word[1:],
        "in place of a byte": word[:1] + b"\xff" + word[2:],
    }[damage]

    read = decode(before + broken + after)

    expected = "\ufffd部署" if damage == "put between" else "\ufffd署"
    assert text(encoding).replace("部署", expected) == read


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_lost_byte_costs_no_more_than_its_neighbours(encoding):
    body = text(encoding).encode(encoding)
    place = body.index("署".encode(encoding))

    read = decode(body[:place] + body[place + 1 :])

    assert read.count("\ufffd") == 1
    assert read.startswith(text(encoding).partition("会议")[0])
    assert read.endswith("学期重点工作。①</body></html>")


def test_a_page_cut_in_a_character_keeps_the_rest():
    body = text("gbk").encode("gbk")

    assert "学校召开会议" in decode(body[: body.index("部署".encode("gbk")) + 1])


@pytest.mark.parametrize(
    "body", [b"", b"\0" * 1000, bytes(range(256)) * 40, b"<meta charset=nonsense>x", b"\xff\xfe", b"\xff" * 10_000_000]
)
def test_anything_becomes_text(body):
    assert isinstance(decode(body), str)


def test_an_unknown_charset_is_not_believed():
    assert "海棠" in decode("<meta charset='x-moon'>海棠".encode())
