"""Every rule finds what its file says, overlooks what its file says, and stays fast."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.errors import ConfigError
from triage.flags import FLAGS, Flag, FlagRules

RULES = FlagRules.from_file()
RULE = """
[guard.negation]
before = ["没有?$"]

[[rule]]
id = "a"
flag = "repeat"
guards = ["negation"]
expressions = ["投诉 过"]
positive = ["投诉过"]
negative = ["没投诉过"]
"""


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_a_rule_finds_its_positive_examples(rule):
    for text in rule.positive:
        assert any(flag.flag == rule.flag for flag in RULES.find(text)), text


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_a_rule_overlooks_its_negative_examples(rule):
    for text in rule.negative:
        assert not [flag for flag in RULES.find(text) if flag.flag == rule.flag], text


def test_every_flag_has_a_rule():
    assert {rule.flag for rule in RULES.rules} == set(FLAGS)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("再不退钱我就从你们楼顶跳下去", "critical"),
        ("楼下餐馆着火了，快来人，里面还有老人", "critical"),
        ("厨房里一股煤气味，报警器一直响", "critical"),
        ("我们四个人还困在电梯里", "critical"),
        ("我爸在你们大厅晕倒了，叫不醒", "critical"),
        ("孩子放学没回家，失联三个小时了", "critical"),
        ("我马上带人拿刀去你们店里砍死他", "critical"),
        ("明天上午全体业主去市政府门口拉横幅", "critical"),
    ],
)
def test_acute_danger_speaks_for_the_highest_urgency(text, level):
    assert level in {flag.raises for flag in RULES.find(text)}


@pytest.mark.parametrize(
    "text",
    [
        "以前着过火，现在没事了",
        "气死我了，等了一个小时",
        "想死的心都有",
        "天气热死人，空调还不修",
        "又不会要人命",
        "你们这是跳楼价清仓",
        "客服说你去跳楼啊",
        "手机爆炸卡，要命的是还发烫的游戏都打不开",
        "没有闻到煤气味",
        "电视剧里的人自杀了，字幕还在放广告",
    ],
)
def test_history_negation_quotation_and_idiom_are_no_danger(text):
    assert not {"critical", "high"} & {flag.raises for flag in RULES.find(text)}


def test_danger_in_a_long_text_without_a_plea_speaks_for_high_at_most():
    danger = "电线杆倒在路口，变压器冒火花，"
    calm = "这条路的维护一直归镇上的供电所，每年春天都有人来看一次，记录贴在村口的公告栏里。"
    assert "critical" not in {flag.raises for flag in RULES.find(danger + calm)}
    assert "critical" in {flag.raises for flag in RULES.find(danger + "快来人。" + calm)}


def test_a_span_is_the_words_that_show_it():
    text = "😡打了三次客服电话。"
    (flag,) = RULES.find(text)
    assert text[flag.start : flag.end] == "打了三次客服电话"
    assert flag == Flag("repeat", 1, 9, "repeat.counted", None)


@given(st.text(alphabet="我要投诉去死跳楼没不会，。再打12315孩子老人被困着火了 ", max_size=80))
@settings(max_examples=200, deadline=None)
def test_spans_lie_in_the_text_and_do_not_overlap_within_a_flag(text):
    flags = RULES.find(text)
    for flag in flags:
        assert 0 <= flag.start < flag.end <= len(text)
    for name in FLAGS:
        spans = [(flag.start, flag.end) for flag in flags if flag.flag == name]
        assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))


@pytest.mark.parametrize("unit", ["啊", "投诉我要去", "孩子被困现在", "没没没不不会", "1234567890"])
def test_a_text_of_100_000_characters_takes_no_longer_than_it_should(unit):
    began = time.perf_counter()
    RULES.find((unit * 100_000)[:100_000])
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('flag = "repeat"', 'flag = "anger"', "line 7: unknown flag 'anger': expected one of esc"),
        ('["negation"]', '["irony"]', "line 8: unknown guard 'irony': expected one of negation"),
        ('["投诉 过"]', '["投诉 <who>"]', "line 9: unknown list <who>"),
        ('["投诉 过"]', '["# ~3 #"]', "line 9: .* needs a slot of plain words"),
        ('["投诉 过"]', "[]", "line 9: 'expressions' must have at least one entry"),
        (
            'id = "a"',
            'id = "a"\nraises = "soon"',
            "unknown raises 'soon': expected one of",
        ),
        ('id = "a"', 'id = "a"\nwhy = "x"', "line 7: unknown field 'why': expected one of"),
        ('positive = ["投诉过"]\n', "", r"\[rule\] has no 'positive'"),
        ('before = ["没有?$"]', 'before = ["没(有"]', "is no regular expression"),
        ("[[rule]]", "[[rules]]", "unknown table 'rules': expected one of guard, idioms"),
        ('id = "a"', "id = ", "Invalid value"),
    ],
)
def test_a_fault_in_the_file_is_named_with_its_line(tmp_path, old, new, message):
    path = tmp_path / "flags.toml"
    path.write_text(RULE.replace(old, new), "utf-8")
    with pytest.raises(ConfigError, match=message):
        FlagRules.from_file(path)


def test_two_rules_with_one_id_are_refused(tmp_path):
    path = tmp_path / "flags.toml"
    path.write_text(RULE + RULE[RULE.index("[[rule]]") :], "utf-8")
    with pytest.raises(ConfigError, match="the id 'a' is taken"):
        FlagRules.from_file(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        FlagRules.from_file(tmp_path / "none.toml")
