"""Every plan is complete, ordered, honest and in time; every fault of the file is named."""

from datetime import UTC, date, datetime, timedelta
from importlib import resources
from itertools import pairwise, product

import pytest

from triage.calendar import WorkCalendar
from triage.errors import ConfigError
from triage.flags import FLAGS, FlagRules
from triage.playbook import (
    CHANNELS,
    MOVES,
    ROLES,
    STAGES,
    STYLES,
    Period,
    Playbook,
    check_playbook,
)
from triage.taxonomy import Taxonomy

BOOK = Playbook.from_file()
TAXONOMY = Taxonomy.from_file()
CATEGORIES, MOTIVES, URGENCIES = (
    TAXONOMY.task(task).label_ids for task in ("category", "motive", "urgency")
)
RECEIVED = datetime(2026, 9, 30, 22, 40)
SOURCE = resources.files("triage").joinpath("playbook.toml").read_text("utf-8")
DISHONEST = [
    "保证没有问题",
    "拖一拖",
    "先应付",
    "善意的谎",
    "敷衍过去",
    "就说",
    "假装",
    "承诺一定会赔",
]


def plan(
    category="quality", motive="help", urgency="normal", channel="phone", flags=(), style=None
):
    return BOOK.plan(category, motive, urgency, channel, flags, style, RECEIVED)


def check(steps, urgency, flags):
    assert 5 <= len(steps) <= 9
    assert [step.order for step in steps] == list(range(1, len(steps) + 1))
    for field in ("id", "action", "say", "avoid"):
        assert len({getattr(step, field) for step in steps}) == len(steps)
    assert all(left.due_at < right.due_at for left, right in pairwise(steps))
    stages = [STAGES.index(step.stage) for step in steps]
    assert stages == sorted(stages)
    assert {step.move for step in steps} <= set(MOVES)
    assert {step.role for step in steps} <= set(ROLES)
    received = RECEIVED.replace(tzinfo=steps[0].due_at.tzinfo)
    if urgency == "critical" or {"self_harm", "safety_risk"} & set(flags):
        assert steps[0].due_at - received <= timedelta(minutes=5)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_combination_of_labels_and_channel_gives_a_plan(category):
    for motive, urgency, channel in product(MOTIVES, URGENCIES, CHANNELS):
        steps = plan(category, motive, urgency, channel)
        check(steps, urgency, ())
        assert {step.move for step in steps} >= {"settle", "ask", "act", "escalate", "exchange"}


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_adds_its_own_step_to_every_combination(flag):
    for combination in product(CATEGORIES, MOTIVES, URGENCIES, CHANNELS):
        steps = plan(*combination, flags=[flag])
        check(steps, combination[2], [flag])
        assert {step.id for step in steps} - {step.id for step in plan(*combination)}


def test_all_flags_at_once_still_give_a_plan():
    for urgency, channel in product(URGENCIES, CHANNELS):
        steps = plan(urgency=urgency, channel=channel, flags=FLAGS)
        check(steps, urgency, FLAGS)
        assert steps[0].id.startswith("safe.")


@pytest.mark.parametrize("style", STYLES)
def test_a_style_changes_the_plan_and_nothing_but_the_action(style):
    plain, styled = plan(), plan(style=style)
    changed = [left.id for left, right in zip(plain, styled, strict=True) if left != right]
    assert changed == ["solve.help"]


def test_plans_differ_by_category_motive_urgency_and_channel():
    base = plan()
    for other in (
        plan(category="refund"),
        plan(motive="respect"),
        plan(urgency="high"),
        plan(channel="chat"),
    ):
        assert [step.action for step in other] != [step.action for step in base]


@pytest.mark.parametrize("channel", CHANNELS)
def test_self_harm_begins_with_the_person_and_stays(channel):
    first, second, *_ = steps = plan(urgency="low", channel=channel, flags=["self_harm"])
    for number in ("110", "120"):
        assert number in first.action
    assert first.action.startswith("先保人")
    assert "陪" in second.action
    received = RECEIVED.replace(tzinfo=first.due_at.tzinfo)
    assert steps[-1].due_at - received <= timedelta(hours=24)
    assert "赔" not in "".join(step.say for step in steps)


def test_acute_danger_begins_with_rescue():
    first, *_ = plan(urgency="critical", flags=["safety_risk"])
    for number in ("110", "119", "120"):
        assert number in first.action


def test_no_sentence_lies_stalls_or_repeats_what_another_step_forbids():
    book = [step for flag in (None, *FLAGS) for step in plan(flags=[flag] if flag else [])]
    for category, motive, urgency in product(CATEGORIES, MOTIVES, URGENCIES):
        book += plan(category, motive, urgency)
    for step in book:
        assert not [phrase for phrase in DISHONEST if phrase in step.say + step.action]
    said = {step.say for step in book}
    avoided = {step.avoid for step in book}
    assert not said & avoided


def test_no_sentence_to_say_raises_a_flag_of_its_own():
    rules = FlagRules.from_file()
    for flag in FLAGS:
        for step in plan(flags=[flag]):
            assert not [f for f in rules.find(step.say) if f.flag == "self_harm"]


def test_unknown_labels_fall_back_to_the_base_flow():
    steps = plan("供暖", "诉求", "一级", "传真", ["新标记"], "谜")
    check(steps, None, ())
    assert {step.id.split(".")[1] for step in steps} == {"base"}
    assert BOOK.plan(None, None, None, None, (), None, RECEIVED)


def test_times_keep_the_zone_of_the_receipt():
    received = datetime(2026, 6, 1, 2, tzinfo=UTC)
    steps = BOOK.plan("quality", "help", "low", "phone", (), None, received)
    assert {step.due_at.tzinfo for step in steps} == {UTC}


@pytest.mark.parametrize("text", ["", "5", "5s", "0wd", "2wd", "1wd@25:00", "h", "12345m"])
def test_a_period_written_otherwise_is_refused(text):
    with pytest.raises(ValueError, match="expected such as 5m, 4h or 3wd@17:00"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('motive = ["vent"]', 'motive = ["anger"]', "unknown motive 'anger': expected one of reve"),
        (
            'category = ["quality"]',
            'category = ["x"]',
            "unknown category 'x': expected one of qual",
        ),
        ('flag = "repeat"', 'flag = "again"', "unknown flag 'again': expected one of escalation"),
        ('after = ["recall"]', 'after = ["recall", "close"]', "wait for each other in a cycle"),
        ('after = ["recall"]', 'after = ["nothing"]', "unknown slot 'nothing' in 'after'"),
        ('role = "班长"', 'role = "老板"', "unknown role '老板': expected one of 一线, 班长"),
        ('source = "S1; S2; S4"\n', "", r"\[step\] has no 'source'"),
        ('source = "S1; S2; S4"', 'source = "听说"', "cannot read the source '听说'"),
        (
            'stage = "closing"',
            'stage = "end"',
            "unknown stage 'end': expected one of communication",
        ),
        ('move = "exchange"', 'move = "wait"', "unknown move 'wait': expected one of settle"),
        ('assess = "15m"', 'assess = "5m"', "must be due later than 'ask'"),
        ('assess = "15m"', 'assess = "soon"', "cannot read 'soon': expected such as 5m"),
        ('assess = "15m"\n', "", r"\[pace\] has no 'assess'"),
        ("otherwise = true\n", "", r"one \[\[pace\]\] must have 'otherwise = true'"),
        ('id = "settle.vent"', 'id = "settle.base"', "the id 'settle.base' is taken"),
        ('motive = ["vent"]', "", "says when to apply as 'settle.base' does"),
        ('style = "silent"', 'style = "shy"', "unknown style 'shy': expected one of decisive"),
        ('style = "silent"', 'style = "silent"\nchannel = "chat"', "needs exactly one of"),
        ('slot = "ask"\naction', 'slot = "asks"\naction', "unknown slot 'asks': expected one of"),
        (
            'id = "ask.base"\nslot = "ask"',
            'id = "ask.b"\nslot = "ask"\nchannel = ["chat"]',
            "has no",
        ),
        ('avoid = "您的意见我们已归档。"', "tone = 1", "has no 'avoid'"),
    ],
)
def test_a_fault_in_the_file_is_named_with_its_line(tmp_path, old, new, message):
    assert old in SOURCE
    path = tmp_path / "playbook.toml"
    path.write_text(SOURCE.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError, match=message):
        Playbook.from_file(path)
    assert check_playbook(path)[0].line > 10


def test_the_checker_names_every_fault_at_its_line(tmp_path):
    path = tmp_path / "playbook.toml"
    broken = SOURCE.replace('role = "法务"', 'role = "律师"').replace(
        'motive = ["help"]', 'motive = ["x"]'
    )
    path.write_text(broken, "utf-8")
    faults = check_playbook(path)
    lines = broken.splitlines()
    assert [lines[fault.line - 1] for fault in faults] == [
        'motive = ["x"]',
        'role = "律师"',
        'motive = ["x"]',
    ]


def test_the_packaged_playbook_has_no_fault():
    with resources.as_file(resources.files("triage").joinpath("playbook.toml")) as path:
        assert check_playbook(path) == []


def test_every_label_has_something_of_its_own():
    assert set(BOOK.labels("category")) == set(CATEGORIES)
    assert set(BOOK.labels("motive")) == set(MOTIVES)
    assert set(BOOK.labels("urgency")) == set(URGENCIES)
    assert set(BOOK.labels("flag")) == set(FLAGS)


def test_a_plan_made_before_counts_from_its_own_receipt_and_calendar():
    book = Playbook.from_file()
    case = ("refund", "compensation", "normal", "phone", ["repeat"], None)
    monday, tuesday = datetime(2026, 6, 1, 10), datetime(2026, 6, 2, 10)
    idle = WorkCalendar({date(2026, 6, day): False for day in range(2, 8)})
    first, second, later = (
        book.plan(*case, monday),
        book.plan(*case, tuesday),
        book.plan(*case, monday, idle),
    )
    assert [step.action for step in first] == [step.action for step in second]
    assert all(a.due_at < b.due_at for a, b in zip(first, second, strict=True))
    assert first[-1].due_at < later[-1].due_at
