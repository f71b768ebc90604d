import base64
import email
import email.policy
import hashlib
import hmac
import json
from datetime import datetime

import pytest

from api.errors import DeliveryError
from api.notify.channels import Channel
from api.notify.chat import hosts_of, read_plugin, send_chat
from api.notify.messages import Message, MessageText
from api.notify.notices import Notice
from tests.api.receivers import Answer, MailBox, receive, receive_mail

AT = datetime.fromisoformat("2026-03-01T08:00:00+08:00")
PAYLOAD = {
    "surge_id": "S000007", "level": "severe", "kind": "topic", "group": "one_product",
    "topic": {"id": 4, "terms": ["闪退", "更新", "付款"]}, "observed": 14, "expected": 1.2,
    "since": "2026-02-27T09:30:00+08:00", "message": "02月27日以来,13人反映14件同类问题。",
    "measures": ["请产品负责人核查共同原因", "发布说明公告"], "category": "system",
    "product": "商城应用", "region": None, "unit": None,
}  # fmt: skip
NOTICE = Notice("msg_0199", "opened", AT, PAYLOAD)
TAKEN = {
    "dingtalk": b'{"errcode":0,"errmsg":"ok"}',
    "feishu": b'{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}',
    "lark": b'{"code":0,"data":{},"msg":"success"}',
    "wecombot": b'{"errcode":0,"errmsg":"ok"}',
}
REFUSED = {
    "dingtalk": b'{"errcode":310000,"errmsg":"keywords not in content"}',
    "feishu": b'{"code":19024,"data":{},"msg":"Key Words Not Found"}',
    "lark": b'{"code":19024,"data":{},"msg":"Key Words Not Found"}',
    "wecombot": b'{"errcode":93000,"errmsg":"invalid webhook url"}',
}
URLS = {
    "dingtalk": "dingtalk://SECabc@Token1/13800138000",
    "feishu": "feishu://Token-2",
    "lark": "lark://Token-3",
    "wecombot": "wecombot://Key-4",
}


def channel(url: str, **values: object) -> Channel:
    return Channel("值班群", "apprise", url, **{"allow_private": True, **values})


def send(channel: Channel, notice: Notice = NOTICE, message: Message | None = None) -> None:
    message = message or MessageText.from_file().single(notice)
    send_chat(channel, message, notice_ids=[notice.id], level=notice.level)


def content_of(body: dict) -> str:
    return (body.get("text") or body["content"]).get("content") or body["content"]["text"]


def test_the_message_says_what_where_since_when_and_what_to_do():
    message = MessageText.from_file().single(NOTICE)
    assert message.title == "【投诉预警·严重】新预警：闪退·更新·付款"
    assert message.text.split("\n") == [
        "02月27日以来,13人反映14件同类问题。",
        "范围：系统与中断·商城应用",
        "开始：02月27日 09:30",
        "",
        "建议措施：",
        "1. 请产品负责人核查共同原因",
        "2. 发布说明公告",
        "",
        "预警编号：S000007　通知编号：msg_0199",
    ]


@pytest.mark.parametrize("kind", URLS)
def test_a_robot_gets_the_message_and_its_answer_is_read(kind: str):
    with receive(Answer(body=TAKEN[kind]), Answer(body=REFUSED[kind])) as receiver:
        robot = channel(URLS[kind], server=receiver.url)
        send(robot)
        with pytest.raises(DeliveryError, match=r"refused the message with code \d+: \w+"):
            send(robot)
    came = receiver.came[0]
    assert content_of(came.values).startswith("【投诉预警·严重】新预警：闪退·更新·付款\n")
    assert content_of(came.values).endswith("通知编号：msg_0199")
    assert came.path == {
        "dingtalk": "/robot/send", "feishu": "/open-apis/bot/v2/hook/Token-2",
        "lark": "/open-apis/bot/v2/hook/Token-3", "wecombot": "/cgi-bin/webhook/send",
    }[kind]  # fmt: skip


def test_dingtalk_is_signed_as_its_documents_say():
    with receive(Answer(body=TAKEN["dingtalk"])) as receiver:
        send(channel(URLS["dingtalk"], server=receiver.url))
    (came,) = receiver.came
    (timestamp,), (signature,) = came.query["timestamp"], came.query["sign"]
    signed = hmac.new(b"SECabc", f"{timestamp}\nSECabc".encode(), hashlib.sha256).digest()
    assert base64.b64decode(signature) == signed
    assert came.query["access_token"] == ["Token1"]
    assert came.values["at"]["atMobiles"] == ["13800138000"]


@pytest.mark.parametrize("kind", URLS)
def test_the_robots_apprise_knows_are_on_the_internet(kind: str):
    """What `server` replaces: without it the platform's own address is used."""
    robot = channel(URLS[kind], allow_private=False)
    hosts = {
        "dingtalk": "oapi.dingtalk.com", "feishu": "open.feishu.cn",
        "lark": "open.larksuite.com", "wecombot": "qyapi.weixin.qq.com",
    }  # fmt: skip
    plugin = read_plugin(robot)
    assert hosts_of(robot, plugin) == [hosts[kind]]
    assert plugin.address.startswith(f"https://{hosts[kind]}/")


@pytest.mark.parametrize("answer", [Answer(500), Answer(302), Answer(body=b"<html>"), Answer()])
def test_a_robot_that_does_not_say_it_took_the_message_did_not(answer: Answer):
    with (
        receive(answer) as receiver,
        pytest.raises(DeliveryError, match="answered") as raised,
    ):
        send(channel(URLS["feishu"], server=receiver.url))
    assert "Token-2" not in str(raised.value)


def test_a_long_message_to_wecom_keeps_its_ids_and_its_limit():
    long = Notice(
        "msg_0199", "opened", AT, {**PAYLOAD, "measures": ["统一各渠道答复口径" * 20] * 9}
    )
    with receive(Answer(body=TAKEN["wecombot"])) as receiver:
        send(channel(URLS["wecombot"], server=receiver.url), long)
    content = content_of(receiver.came[0].values)
    assert 1800 < len(content.encode()) <= 2048
    assert content.endswith("…\n预警编号：S000007　通知编号：msg_0199")


def test_several_held_notices_become_one_message():
    later = Notice("msg_0200", "closed", AT.replace(hour=9), PAYLOAD)
    message = MessageText.from_file().digest([later, NOTICE])
    assert message.title == "【投诉预警·汇总】静默时段内有2条通知"
    first, second = message.text.split("\n")
    assert first.startswith("03月01日 08:00 新预警（严重）：闪退·更新·付款　14件，平时约1.2件　")
    assert second.endswith("预警编号：S000007　通知编号：msg_0200")


def test_a_digest_of_five_fits_into_wecoms_message():
    message = MessageText.from_file().digest([NOTICE] * 5)
    assert len((message.title + message.text).encode()) < 2000


def test_an_email_arrives_with_its_id():
    box = MailBox()
    with receive_mail(box) as host:
        send(channel(f"mailto://{host}?from=triage@corp.example&to=a@corp.example,b@corp.example"))
    assert sorted(to for tos, _ in box.came for to in tos) == ["a@corp.example", "b@corp.example"]
    mail = email.message_from_bytes(box.came[0][1], policy=email.policy.default)
    assert mail["Subject"] == "【投诉预警·严重】新预警：闪退·更新·付款"
    assert mail["X-Notice-Id"] == "msg_0199"
    assert "1. 请产品负责人核查共同原因" in mail.get_body(("plain",)).get_content()


def test_an_email_that_the_server_refuses_is_an_error():
    box = MailBox(n_refused=1)
    with receive_mail(box) as host:
        mail = channel(f"mailto://{host}?from=triage@corp.example&to=a@corp.example")
        with pytest.raises(DeliveryError, match="mailto:// did not take the message"):
            send(mail)
        send(mail)
    assert len(box.came) == 1


@pytest.mark.parametrize("where", ["mailto://localhost:{port}?from=t@c.cn&to=a@c.cn", "json://localhost:{port}/x"])  # fmt: skip
def test_a_private_host_is_refused_without_a_connection(where: str):
    with receive() as receiver:
        url = where.format(port=receiver.server_port)
        with pytest.raises(DeliveryError, match="is a loopback address"):
            send(channel(url, allow_private=False))
        assert not receiver.came


def test_a_robot_of_a_private_server_is_refused_without_a_connection():
    with receive() as receiver:
        server = receiver.url.replace("127.0.0.1", "localhost")
        with pytest.raises(DeliveryError, match="is a loopback address"):
            send(channel(URLS["feishu"], server=server, allow_private=False))
        assert not receiver.came


def test_a_plain_json_receiver_follows_no_redirect():
    with receive() as inner, receive(Answer(302, {"Location": inner.url}), Answer()) as receiver:
        host = f"127.0.0.1:{receiver.server_port}"
        with pytest.raises(DeliveryError, match="json:// did not take the message"):
            send(channel(f"json://{host}/hook"))
        send(channel(f"json://{host}/hook"))
        assert not inner.came
    assert json.loads(receiver.came[1].body)["title"].startswith("【投诉预警·严重】")


def test_tokens_and_messages_stay_out_of_the_log(caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    with receive(Answer(500)) as receiver, pytest.raises(DeliveryError):
        send(channel(URLS["dingtalk"], server=receiver.url))
    with receive(Answer(500)) as receiver, pytest.raises(DeliveryError):
        send(channel(f"json://u:geheim@127.0.0.1:{receiver.server_port}/x"))
    with pytest.raises(DeliveryError, match="no address that apprise can read"):
        send(channel("dingtalk://geheim!!"))
    entries = "".join(record.getMessage() for record in caplog.records if record.name == "apprise")
    assert entries == ""
