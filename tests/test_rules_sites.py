"""The shipped site files against the ancestor's table of October 2019."""

import pytest

from aggregator import rules

NANKAI = "http://news.nankai.edu.cn"
CUMT = "http://xwzx.cumt.edu.cn"
GONGXUE = "http://gongxue.cn/news/ShowClass.asp?ClassID="
TJUTCM = "http://news13.tjutcm.edu.cn/erji.jsp?urltype=tree.TreeTempUrl&wbtreeid=1526"

# file, university, tags, addresses switched on, addresses switched off
TABLE = [
    (
        "nankai",
        "南开大学",
        "南开, 南开大学, nankai.info",
        [f"{NANKAI}/ywsd/index.shtml", f"{NANKAI}/qqxy/index.shtml"],
        [f"{NANKAI}/nkyw/index.shtml", f"{NANKAI}/zhxw/index.shtml"],
    ),
    (
        "cumt",
        "中国矿业大学",
        "矿大, 中国矿业大学, cumt, cumt.net.cn",
        [f"{CUMT}/523/list.htm"],
        [f"{CUMT}/513/list.htm", f"{CUMT}/521/list.htm"],
    ),
    (
        "hrbeu",
        "哈尔滨工程大学",
        "哈工程, 哈尔滨工程大学, hrbeu, hrbeu.com.cn",
        [f"{GONGXUE}4315"],
        [f"{GONGXUE}4383"],
    ),
    (
        "sicau",
        "四川农业大学",
        "川农大, 四川农业大学, sicau, sicau.com.cn",
        ["https://news.sicau.edu.cn/syzd.htm", "https://news.sicau.edu.cn/syxw.htm"],
        [],
    ),
    (
        "utibet",
        "西藏大学",
        "藏大, 西藏大学, utibet, utibet.com.cn",
        [],
        ["http://www.utibet.edu.cn/news/article_3_5_0.html"],
    ),
    (
        "tmu",
        "天津医科大学",
        "天津医大, 天津医科大学, tijmu, tijmu.com.cn, tijmu.cc",
        ["http://www.tmu.edu.cn/132/list.htm"],
        [],
    ),
    ("tjutcm", "天津中医药大学", "天中, 天津中医药大学, tjutcm, tjutcm.com.cn", [TJUTCM], []),
    (
        "shutcm",
        "上海中医药大学",
        "上中医, 上海中医药大学, shutcm, shutcm.com.cn",
        ["https://www.shutcm.edu.cn/221/list.htm", "http://www.shutcm.edu.cn/xykx/list.htm"],
        [],
    ),
    (
        "nwsuaf",
        "西北农林科技大学",
        "西农, 西北农林, 西北农林科技大学, nwsuaf, nwsuaf.cc",
        ["https://news.nwsuaf.edu.cn/xnxw/index.htm"],
        [],
    ),
    (
        "shsmu",
        "上海交通大学医学院",
        "上海交大医学院, 上海交通大学医学院, shsmu, shsmu.cc",
        ["https://www.shsmu.edu.cn/news/xyyw.htm"],
        [],
    ),
    (
        "swjtu",
        "西南交通大学",
        "西南交大, 西南交通大学, swjtu, swjtu.cc",
        ["https://news.swjtu.edu.cn/showlist-82.shtml"],
        [],
    ),
    (
        "njust",
        "南京理工大学",
        "南理工, 南京理工大学, njust, njust.cc",
        ["http://zs.njust.edu.cn/zhywx/list.htm"],
        [],
    ),
    ("sufe", "上海财经大学", "上财, 上海财经大学, sufe, sufe.cc", ["http://news.sufe.edu.cn/179/list.htm"], []),
]
ROWS = pytest.mark.parametrize(("name", "university", "tags", "on", "off"), TABLE, ids=[row[0] for row in TABLE])


@pytest.fixture(scope="module")
def sites():
    return rules.load(None).sites


@ROWS
def test_the_ancestors_university_has_its_name_and_tags(sites, name, university, tags, on, off):
    assert university == sites[name].university
    assert tags == ", ".join(sites[name].tags)


@ROWS
def test_the_ancestors_addresses_are_followed_or_switched_off(sites, name, university, tags, on, off):
    assert on == [source.url for source in sites[name].sources if source.enabled]
    assert off == [source.url for source in sites[name].sources if not source.enabled]


def test_the_ancestors_universities_are_followed_by_a_new_instance(sites):
    assert {row[0] for row in TABLE} == set(sites)
