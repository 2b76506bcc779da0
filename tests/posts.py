"""Posts in the four shapes that nankai.info wrote, each with a fault of its time."""

from urllib.parse import quote, urljoin

FIELDS = "http://news.nankai.edu.cn/ywsd/system/2021/09/18/030047991.shtml"
SLUG = "7da87e74a3b958d3c0b7ddf222ef76d1"
PICTURE = "http://news.nankai.edu.cn/pic/003/000/415/00300041556_f39a048f.jpg"
LEAD = "南开新闻网讯（记者 李明）9月18日，我校召开会议，总结定点帮扶工作的经验，部署下一阶段的任务，校领导和各学院负责人参加会议，并围绕课程建设展开讨论"


def post(
    body,
    *,
    url=FIELDS,
    slug=SLUG,
    title="南开大学->我校召开会议推进定点帮扶工作 | nankai.info",
    date="2021-09-24 01:22:37.140616",
):
    """The whole text; *slug* None: as before 2021, with urlname alone."""
    names = f"urlname: {slug or SLUG}\n" + (f"slug: {slug}\n" if slug else "")
    return (
        f"---\ntitle: {title}\ndate: {date}\n{names}"
        "tags:\n- 南开\n- 南开大学\n- nankai.info\ncategories:\n- 南开大学\n- nankai.info\nauthorbox: false\nsidebar: false\n---\n\n"
        f"{body}\n\n[转入文章首发地址]({url})\n"
    )


def broken(picture, url=FIELDS):
    """*picture* as it was written from 2021 on: each character, last first, a picture of its own."""
    return "\n\n".join(
        f"![图]({urljoin(url, './' if sign == '.' else quote(sign, safe='/:?=&'))})" for sign in reversed(picture)
    )


# 2019: the crawler's name for it alone, a sentence cut by the mark
OF_2019 = post(f"{LEAD[:50]}<!--more-->{LEAD[50:]}。\n\n第二段。\n\n![图]({PICTURE})", slug=None)
# 2020: the mark on a line of its own, the byline in two paragraphs
OF_2020 = post(f"{LEAD[:70]}\n\n<!--more-->\n\n{LEAD[70:]}。\n\n（记者 付坤\n\n摄影报道）")
# 2021: the picture in pieces
OF_2021 = post(f"{LEAD}。\n\n<!--more-->\n\n{broken(PICTURE)}\n\n第二段。")
# a title taken from its page and not quoted, which no parser of YAML takes
UNQUOTED = post(f"{LEAD}。", title='南开大学->"十四五": 我校[新]规划 #1 | nankai.info')
SHAPES = {"2019": OF_2019, "2020": OF_2020, "2021": OF_2021, "unquoted": UNQUOTED}
