"""The reply check finds what not to say, what is missing, and says how the score came about."""

from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.errors import ConfigError
from triage.playbook import Playbook
from triage.replies import KINDS, ReplyRules

RULES = ReplyRules.from_file()
SOURCE = resources.files("triage").joinpath("replies.toml").read_text("utf-8")
GOOD = (
    "李女士您好，耽误您三天，我们向您道歉。原因是仓库漏扫了一箱，已经为您补发，"
    "明天下午五点前送到。我是售后的小陈，电话0571-8800-1122，有事您直接找我。"
)


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_a_rule_finds_its_positive_examples(rule):
    for text in rule.positive:
        assert rule.kind in {finding.kind for finding in RULES.check(text).findings}, text


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_a_rule_overlooks_its_negative_examples(rule):
    for text in rule.negative:
        assert rule.kind not in {finding.kind for finding in RULES.check(text).findings}, text


def test_a_good_reply_has_no_finding_and_nothing_missing():
    check = RULES.check(GOOD)
    assert check.findings == ()
    assert check.missing == ()
    assert check.score == 100


def test_every_finding_says_what_to_say_instead():
    check = RULES.check("您先别激动，这不归我们管，您找厂家去")
    assert [finding.kind for finding in check.findings] == ["forbidden"] * 3
    assert all(finding.say and finding.source for finding in check.findings)


def test_no_suggestion_is_itself_a_finding():
    for rule in RULES.rules:
        assert RULES.check(rule.say).findings == (), rule.id


def test_traditional_replies_get_the_same_findings():
    simplified, traditional = "您先别激动，这不归我们管", "您先別激動，這不歸我們管"
    assert [(f.rule, f.start, f.end) for f in RULES.check(simplified).findings] == [
        (f.rule, f.start, f.end) for f in RULES.check(traditional).findings
    ]


def test_personal_data_is_found_and_a_contact_of_ones_own_is_not():
    text = "已按您登记的手机13800138000和地址文三路259号3幢2单元501室补发"
    found = [text[f.start : f.end] for f in RULES.check(text).findings]
    assert found == ["13800138000", "文三路259号3幢2单元501室"]
    assert RULES.check("有事打我手机13800138000").findings == ()


@pytest.mark.parametrize("name", ["李女士", "張小姐", "陈建国先生"])
def test_a_finding_behind_a_name_has_its_place_in_the_text_as_written(name):
    text = f"{name}，手机13800138000，您先别激动，这不归我们管。"
    found = [text[f.start : f.end] for f in RULES.check(text).findings]
    assert found == ["13800138000", "先别激动", "不归我们管"]


def test_an_account_number_with_a_typing_error_is_personal_data():
    text = "退款已转至您的卡6222021001122334455，请查收"
    assert [text[f.start : f.end] for f in RULES.check(text).findings] == ["6222021001122334455"]


def test_what_one_rule_finds_in_one_breath_is_one_finding():
    text = "别激动别激动，我们高度重视，将认真研究"
    found = [text[f.start : f.end] for f in RULES.check(text).findings]
    assert found == ["别激动别激动", "高度重视，将认真研究"]


def test_the_parts_of_the_score_add_up_to_it():
    for text in (GOOD, "好的", "您别激动，尽快处理", "对不起，明天退您30元"):
        check = RULES.check(text)
        assert check.score == max(0, sum(item.points for item in check.tone))


def test_a_draft_has_four_paragraphs_and_no_finding():
    draft = RULES.draft(trouble="空调修了三次还在漏水")
    assert len(draft) == 4
    assert "空调修了三次还在漏水" in draft[0]
    assert RULES.check("".join(draft)).findings == ()


def test_the_playbook_never_recommends_what_the_check_forbids():
    book = Playbook.from_file()
    said = {row.say for rows in book._rows.values() for row in rows}
    assert len(said) > 60
    faults = {text: RULES.check(text).findings for text in said}
    assert {text: found for text, found in faults.items() if found} == {}


@given(st.text(max_size=120))
@settings(max_examples=100, deadline=None)
def test_any_reply_gets_findings_inside_it(text):
    check = RULES.check(text)
    for finding in check.findings:
        assert 0 <= finding.start < finding.end <= len(text)
        assert finding.kind in KINDS
    assert 0 <= check.score <= 100


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "blame"', 'kind = "rude"', "unknown kind 'rude': expected one of forbidden"),
        ('guards = ["honest"]', 'guards = ["kind"]', "unknown guard 'kind'"),
        ('id = "blame.scorn"', 'id = "blame.your_fault"', "the id 'blame.your_fault' is taken"),
        ("weight = 15", 'weight = "x"', "'weight' must be a whole number"),
        ('found = ["抱歉"', 'found = ["抱(歉"', "is no regular expression"),
        ("[draft]", "[drafts]", "unknown table 'drafts': expected one of draft, guard"),
    ],
)
def test_a_fault_in_the_file_is_named_with_its_line(tmp_path, old, new, message):
    assert old in SOURCE
    path = tmp_path / "replies.toml"
    path.write_text(SOURCE.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError, match=message):
        ReplyRules.from_file(path)
