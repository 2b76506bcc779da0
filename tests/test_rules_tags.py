"""tags.toml and renamed.toml: what is refused, with file and key, and how the operator's file changes the shipped one."""

import pytest

from aggregator.errors import RuleError
from aggregator.model import Site
from aggregator.rules.tags import check_sites, fingerprint, load_taxonomy, own_topics, write_renamed


def own(tmp_path, text):
    (tmp_path / "tags.toml").write_text(text, "utf-8")
    return tmp_path


def test_the_operators_topics_replace_shipped_ones_by_name_and_add_others(tmp_path):
    instance = own(tmp_path, '[tag."讲坛日"]\nwords = "讲坛日"\nkeep_days = 30\n[tag."科普"]\ntitle_words = ["科普"]\n')
    shipped, taxonomy = load_taxonomy(None), load_taxonomy(instance)

    assert {"讲坛日"} == taxonomy.topics.keys() - shipped.topics.keys()
    assert (("讲坛日",), 30) == (taxonomy.topics["讲坛日"].words, taxonomy.topics["讲坛日"].keep_days)
    assert ((), ("科普",)) == (taxonomy.topics["科普"].words, taxonomy.topics["科普"].title_words)
    assert ["讲坛日", "科普"] == [topic.name for topic in own_topics(instance)]
    assert fingerprint(None) != fingerprint(instance)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[tag.x]\nwords = 3", r'tag."x".words: must be a list of texts, not 3'),
        ("[tag.x]\nword = '讲座'", r'tag."x".word: unknown key'),
        ("[x]\n", r"x: unknown key; topics stand in tables"),
        ("tag = 1", r"tag: must be tables"),
        ("[tag]\nx = 1", r"tag.'x': must be a table"),
        ("[tag.x]\nwords = '！'", r"words: '！' has nothing to look for"),
        ("[tag.x]\nwords = '召开…'", r"words: '召开…' has nothing to look for on a side of …"),
        ("[tag.x]\nwords = '会'", r"words: '会' is one letter"),
        ("[tag.x]\nwords = '大^会'", r"words: '大\^会': \^ and \$ stand at the ends"),
        ("[tag.x]\nwords = '试验田丰收'\nexcept = '試驗田'", r"'试验田丰收' has '試驗田' in it, which is in except"),
        (
            "[tag.x]\nword = '试验田'",
            r"word: unknown key; those that there are stand at the head of .*rules/tags\.toml",
        ),
        ("[tag.x]\nwords = '试验田'\nexcept = '试验田'", r"words: '试验田' is in except, too: it could never count"),
        ("[tag.x]\nwhere = 'text'", r"where: 'text' is none of title, body, both"),
        ("[tag.x]\nkeep_days = -1", r"keep_days: must be a whole number of days, 0 \(for ever\) or more, not -1"),
        ("[tag.x]\nparents = ['没有']", r'tag."x".parents: there is no \[tag."没有"\]'),
        ("[tag.x]\naliases = ['学术讲座']", r"aliases: '学术讲座' already belongs to 学术讲座"),
        ("[tag.x]\naliases = ['讲座']", r"aliases: '讲座' already belongs to 学术讲座"),
        (
            "[tag.x]\nwords = '招聘會 公开招聘'",
            r"x\".words: '招聘會' is also in tag.\"就业\".words of rules/tags.toml; a word",
        ),
        (
            "[tag.x]\nparents = ['科普']\nwords = '公众科学日'",
            r"'公众科学日' is also in tag.\"科普\".words of rules/tags.toml; its parents have it anyway",
        ),
        (
            "[tag.x]\nparents = ['y']\n[tag.y]\nparents = ['z']\n[tag.z]\nparents = ['x']",
            r"parents: they lead back to it: (x -> y -> z -> x)",
        ),
        ("[tag.x", "not valid TOML"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_with_file_and_key(tmp_path, text, complaint):
    with pytest.raises(RuleError, match=rf"{tmp_path}/tags\.toml: .*{complaint}"):
        load_taxonomy(own(tmp_path, text))


def test_a_topic_is_no_name_of_a_university():
    with pytest.raises(RuleError, match=r"tag.\"学术讲座\": '讲座' is a name of 海棠大学 in sites/haitang\.toml"):
        check_sites(load_taxonomy(None), [Site("haitang", "海棠大学", aliases=("讲座",))])


def test_a_renamed_topic_keeps_its_rules_and_its_children_their_parent(tmp_path):
    write_renamed(tmp_path, {"会议": "工作会", "科普": "会议活动日", '"奇怪"的': "讲座\\展览"})
    taxonomy = load_taxonomy(tmp_path)

    assert "会议" not in taxonomy.topics
    assert ("Meetings", ("工作会",)) == (taxonomy.topics["工作会"].english, taxonomy.topics["学术会议"].parents)
    assert ("工作会", "讲座\\展览") == (taxonomy.aliases["会议"], taxonomy.aliases['"奇怪"的'])


def test_a_merged_topic_has_the_words_of_both(tmp_path):
    write_renamed(tmp_path, {"科普": "附属学校"})
    shipped, merged = load_taxonomy(None).topics, load_taxonomy(tmp_path).topics["附属学校"]

    assert {*shipped["科普"].words, *shipped["附属学校"].words} == set(merged.words)
    assert ("Affiliated schools", shipped["附属学校"].parents) == (merged.english, merged.parents)


def test_names_that_lead_back_to_themselves_are_refused(tmp_path):
    write_renamed(tmp_path, {"甲": "乙", "乙": "甲"})

    with pytest.raises(RuleError, match=r"renamed\.toml: '乙': the names lead back to it: 乙 -> 甲 -> 乙"):
        load_taxonomy(tmp_path)
