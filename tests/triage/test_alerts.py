"""Rules of an alert's life, and of its explanation."""

import json

import pytest

from triage.alerts import _MAY_FOLLOW, OPEN_STATES, Alert
from triage.errors import AlertStateError
from triage.explanation import over_represented, tell_group


@pytest.fixture
def alert():
    return Alert(
        surge_id="S000001",
        kind="topic",
        key="7",
        opened_at=0.0,
        since=0.0,
        level="attention",
        state="alert",
        group="everywhere",
        observed=5,
        expected=0.5,
        expected_low=0.0,
        expected_high=2.0,
        p_value=0.001,
        weeks_between=20.0,
        n_customers=5,
        last_at=0.0,
        observed_at_open=5,
    )


def test_each_step_is_kept_with_who_when_and_why(alert):
    alert.acknowledge(at=1.0, by="张主管", why="属实")
    alert.assign("城管科", at=2.0, by="张主管")
    alert.resolve(at=3.0, by="张主管", why="已停工")
    assert (alert.steps[0].state, alert.steps[0].by) == ("acknowledged", "张主管")
    assert (alert.owner, alert.is_open, alert.confirmed) == ("城管科", False, True)


def test_a_false_alarm_is_final(alert):
    alert.reject(at=1.0, by="张主管")
    with pytest.raises(AlertStateError, match="S000001 is false_alarm"):
        alert.acknowledge(at=2.0, by="张主管")


def test_the_level_rises_when_the_count_doubles_and_never_falls(alert):
    alert.observed = 10
    assert alert.escalate(at=1.0)
    alert.observed = 20
    assert alert.escalate(at=2.0)
    alert.observed = 5
    assert not alert.escalate(at=3.0)
    assert alert.level == "severe"


def test_doubling_wakes_a_snoozed_alert(alert):
    alert.snooze(100.0, at=1.0, by="张主管")
    alert.observed = 10
    alert.escalate(at=2.0)
    assert alert.state == "alert"


def test_every_state_says_what_may_follow():
    states = set(_MAY_FOLLOW)
    assert OPEN_STATES.issubset(states)
    assert all(following <= states for following in _MAY_FOLLOW.values())


def test_an_alert_survives_json(alert):
    alert.acknowledge(at=1.0, by="张主管")
    assert Alert.from_json(json.loads(json.dumps(alert.to_json()))) == alert


def test_frequent_words_are_no_explanation():
    background = {"的": 9000.0, "物业": 400.0, "搅拌站": 2.0}
    told = over_represented({"的": 30.0, "搅拌站": 10.0}, background)
    assert [term for term, _ in told] == ["搅拌站"]
    assert over_represented({}, background) == []


@pytest.mark.parametrize(
    ("customers", "fields", "group"),
    [
        (["甲"] * 4, [{}] * 4, "one_customer"),
        (["甲", "乙", "丙"], [{"unit": "城西店"}] * 3, "one_unit"),
        (["甲", "乙", "丙"], [{"product": "5G套餐", "unit": u} for u in "abc"], "one_product"),
        (["甲", "乙", "丙"], [{"unit": u} for u in "abc"], "everywhere"),
        ([], [], "everywhere"),
    ],
)
def test_individual_and_systematic_are_told_apart(customers, fields, group):
    assert tell_group(customers, fields) == group
