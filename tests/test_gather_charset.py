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


def test_big5_is_read_where_it_is_declared():
    page = '<meta charset="big5"><p>學校召開會議</p>'

    assert page == decode(page.encode("big5"))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_one_bad_byte_is_one_bad_character(encoding):
    body = text(encoding).encode(encoding)
    middle = body.index("部署".encode(encoding))

    read = decode(body[:middle] + b"\xff" + body[middle:])

    assert "海棠大学新闻网" in read
    assert read.count("\ufffd") <= 2
    assert "重点工作" in read


def test_a_page_cut_in_a_character_keeps_the_rest():
    body = text("gbk").encode("gbk")

    assert "学校召开会议" in decode(body[: body.index("部署".encode("gbk")) + 1])


@pytest.mark.parametrize("body", [b"", b"\0" * 1000, bytes(range(256)) * 40, b"<meta charset=nonsense>x", b"\xff\xfe"])
def test_anything_becomes_text(body):
    assert isinstance(decode(body), str)


def test_an_unknown_charset_is_not_believed():
    assert "海棠" in decode("<meta charset='x-moon'>海棠".encode())
