from datetime import datetime
from pathlib import Path

import pytest

from api.notify.notices import EVENTS, Notice
from api.notify.plan import NotifyPlan
from api.notify.routing import routes_of
from tests.api.receivers import WEBHOOK_SECRET
from triage.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = {
    "CRM_WEBHOOK_SECRET": WEBHOOK_SECRET,
    "DINGTALK_URL": "dingtalk://SECabc@token1",
    "MAIL_URL": "mailtos://u:geheim@example.com?smtp=smtp.example.com&to=a@example.com",
    "FEISHU_URL": "feishu://token2",
}
WEBHOOK = f'[[channel]]\nname = "crm"\nkind = "webhook"\nsecret = "{WEBHOOK_SECRET}"\n'
CHAT = '[[channel]]\nname = "群"\nkind = "apprise"\n'
DAY = datetime.fromisoformat("2026-03-06T12:00:00+08:00")
NIGHT = datetime.fromisoformat("2026-03-06T23:30:00+08:00")


def read(text: str, folder: Path, **environment: str) -> NotifyPlan:
    file = folder / "notify.toml"
    file.write_text(text, encoding="utf-8")
    return NotifyPlan.from_file(file, zone="Asia/Shanghai", environment=environment)


def reached(plan: NotifyPlan, at: datetime = DAY, event: str = "opened", **payload: object) -> dict:
    notice = Notice("msg_1", event, at, {"level": "warning", **payload})
    return {route.channel.name: route.is_held for route in routes_of(plan, notice, at)}


def test_the_example_can_be_used():
    plan = NotifyPlan.from_file(
        ROOT / "examples" / "notify.toml", zone="Asia/Shanghai", environment=EXAMPLE
    )
    assert [channel.name for channel in plan.channels] == ["crm", "值班群", "区域经理", "safety"]
    assert (plan.backoff.n_tries, plan.lease_seconds) == (19, 60)


def test_what_must_not_be_shown_is_not():
    plan = NotifyPlan.from_file(
        ROOT / "examples" / "notify.toml", zone="Asia/Shanghai", environment=EXAMPLE
    )
    for secret in (WEBHOOK_SECRET, "SECabc", "token1", "geheim", "token2"):
        assert secret not in repr(plan)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("", r"line 1: there is no \[\[channel\]\]", id="empty"),
        pytest.param("[[chanel]]\n", "unknown table 'chanel'", id="misspelt table"),
        pytest.param(WEBHOOK, r"line 1: \[channel\] has no 'url'", id="no url"),
        pytest.param(WEBHOOK + 'url = "ftp://a"\n', "line 5: 'url' must be an addr", id="ftp"),
        pytest.param(WEBHOOK + 'url = "https://["\n', "line 5: 'url' must be an ad", id="no url"),
        pytest.param(WEBHOOK + 'url = "http://a.cn"\n', "must begin with https", id="plain http"),
        pytest.param(
            WEBHOOK + 'url = "https://10.0.0.1/x"\n', "10.0.0.1 is a private address", id="private"
        ),
        pytest.param(
            WEBHOOK + 'url = "https://169.254.169.254/"\nallow_private = true\n',
            "hands out credentials",
            id="metadata",
        ),
        pytest.param(
            WEBHOOK + 'url_env = "NO_SUCH"\n', "line 5: the environment variable NO_SUCH", id="env"
        ),
        pytest.param(
            WEBHOOK.replace(WEBHOOK_SECRET, "kurz") + 'url = "https://a.cn"\n',
            "line 4: 'secret' must be 24 to 64 random bytes",
            id="short secret",
        ),
        pytest.param(
            '[[channel]]\nname = "a"\nkind = "webhook"\nurl = "https://a.cn"\n',
            "a webhook needs 'secret'",
            id="no secret",
        ),
        pytest.param(
            WEBHOOK + 'url = "https://a.cn"\nwhen_quiet = "digest"\n',
            "line 6: a webhook gets each notice by itself",
            id="digest",
        ),
        pytest.param(
            2 * (WEBHOOK + 'url = "https://a.cn"\n'), "line 7: a second channel", id="twice"
        ),
        pytest.param(CHAT + 'url = "slack://x/y/z"\n', "unknown service 'slack'", id="service"),
        pytest.param(CHAT + 'url = "dingtalk://!!"\n', "line 4: 'url' is no addr", id="token"),
        pytest.param(
            CHAT + 'url = "json://127.0.0.1/x"\n', "127.0.0.1 is a loopback address", id="json"
        ),
        pytest.param(CHAT + 'url = "json://a.cn/x"\n', "others need jsons", id="plain json"),
        pytest.param(
            CHAT + 'url = "mailto://u:p@a.cn?smtp=192.168.0.2"\n', "192.168.0.2 is", id="smtp"
        ),
        pytest.param(
            CHAT + 'url = "feishu://t"\nserver = "https://10.0.0.1"\n', "10.0.0.1 is", id="server"
        ),
        pytest.param(CHAT + 'url = "feishu://t"\nevents = ["open"]\n', "line 5: unknown 'open'", id="event"),
        pytest.param(CHAT + 'url = "feishu://t"\nlevels = []\n', "at least one", id="no level"),
        pytest.param(
            CHAT + 'url = "feishu://t"\nquiet_hours = "22-7"\n', "line 5: '22-7' is no", id="quiet"
        ),
        pytest.param(
            CHAT + 'url = "feishu://t"\nzone = "Asia/Changsha"\n', "line 5: unknown time z", id="zone"
        ),
        pytest.param(
            CHAT + 'url = "feishu://t"\nallow_private = "yes"\n', "must be true or fa", id="truth"
        ),
        pytest.param(
            CHAT + 'url = "feishu://t"\ntimeout_seconds = 60\n[delivery]\nlease_seconds = 30\n',
            "line 7: 'lease_seconds' must be at least twice",
            id="lease",
        ),
        pytest.param(
            CHAT + 'url = "feishu://t"\n[delivery]\ntries = 0\n', "line 6: 'tries' must", id="tries"
        ),
    ],
)  # fmt: skip
def test_a_fault_names_file_and_line_and_no_secret(text: str, fault: str, tmp_path: Path):
    with pytest.raises(ConfigError, match=fault) as raised:
        read(text, tmp_path)
    assert "notify.toml" in str(raised.value)
    assert WEBHOOK_SECRET not in str(raised.value)


def test_events_levels_categories_and_regions_decide_who_is_told(tmp_path: Path):
    plan = read(
        CHAT + 'url = "feishu://t"\n'
        + CHAT.replace("群", "重") + 'url = "feishu://t"\nlevels = ["severe"]\n'
        + CHAT.replace("群", "终") + 'url = "feishu://t"\nevents = ["closed", "resolved"]\n'
        + CHAT.replace("群", "区") + 'url = "feishu://t"\nregions = ["岳麓区", "雨花区"]\n'
        + CHAT.replace("群", "安") + 'url = "feishu://t"\ncategories = ["safety"]\n',
        tmp_path,
    )  # fmt: skip
    assert set(reached(plan)) == {"群"}
    assert set(reached(plan, level="severe")) == {"群", "重"}
    assert set(reached(plan, event="resolved")) == {"群", "终"}
    assert set(reached(plan, region="岳麓区")) == {"群", "区"}
    assert set(reached(plan, region=["天心区", "雨花区"])) == {"群", "区"}
    assert set(reached(plan, region="天心区", category="safety")) == {"群", "安"}


def test_quiet_hours_hold_all_but_news_of_severe_surges(tmp_path: Path):
    quiet = 'url = "feishu://t"\nquiet_hours = "22:00-07:00"\n'
    plan = read(
        CHAT + quiet + CHAT.replace("群", "醒") + quiet + "severe_breaks_quiet = true\n", tmp_path
    )
    assert reached(plan) == {"群": False, "醒": False}
    assert reached(plan, NIGHT) == {"群": True, "醒": True}
    assert reached(plan, NIGHT, level="severe") == {"群": True, "醒": False}
    assert reached(plan, NIGHT, "escalated", level="severe") == {"群": True, "醒": False}
    assert reached(plan, NIGHT, "resolved", level="severe") == {"群": True, "醒": True}


def test_the_outbox_writes_no_event_that_channels_do_not_know():
    from api.surge_records import event_of
    from triage.alerts import Step

    steps = [
        Step(0, "alert", "machine", "opened"), Step(0, "resolved", "machine", "over"),
        Step(0, "level:severe", "machine", "doubled"), Step(0, "acknowledged", "crm", ""),
        Step(0, "resolved", "crm", ""), Step(0, "false_alarm", "crm", ""),
    ]  # fmt: skip
    assert {event_of(step) for step in steps} == set(EVENTS)
