"""Rules of what people read of an alert."""

from dataclasses import replace

import pytest

from triage.alerts import LEVELS, OPEN_STATES, Alert
from triage.surge_text import SurgeText

ALERT = Alert(
    surge_id="S000001",
    kind="topic",
    key="7",
    opened_at=1.77e9,
    since=1.77e9,
    level="warning",
    state="alert",
    group="everywhere",
    observed=9,
    expected=0.4,
    expected_low=0.0,
    expected_high=2.0,
    p_value=0.001,
    weeks_between=20.0,
    n_customers=8,
    last_at=1.77e9,
    terms=("搅拌站", "粉尘"),
)


@pytest.fixture(scope="module")
def text():
    return SurgeText.from_file()


def test_the_message_says_how_many_since_when_and_how_unusual(text):
    message = text.message(ALERT)
    assert all(part in message for part in ("8人", "9件", "0.4", "搅拌站", "20周", "02月02日"))


def test_a_short_history_is_said(text):
    assert "不足四周" in text.message(replace(ALERT, short_history=True))


def test_a_cell_is_named_by_its_values(text):
    alert = replace(ALERT, kind="cell", key="category=质量&region=东区", weeks_between=1e6)
    assert "质量·东区" in text.message(alert)
    assert "极少" in text.message(alert)
    assert "质量·东区" in text.notice(alert)


def test_the_notice_names_the_subject_and_leaves_facts_open(text):
    notice = text.notice(ALERT)
    assert "搅拌站、粉尘" in notice
    assert "________" in notice


def test_every_level_state_and_group_has_words(text):
    assert set(text.table["levels"]) == set(LEVELS)
    assert set(text.table["states"]) == OPEN_STATES | {"resolved", "false_alarm"}
    assert set(text.table["measures"]) == set(text.table["groups"])
    for group in text.table["groups"]:
        assert len(text.measures(replace(ALERT, group=group))) >= 2
