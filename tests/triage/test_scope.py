"""What is no complaint in Chinese goes to a person, with the reason."""

import pytest

from triage.scope import Scope

SCOPE = Scope.from_file()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("。。。", "too_short"),
        ("测试", "empty"),
        ("退款", "too_short"),
        ("asdkjh qweoiu zxcmnb qwpeoi", "other_language"),
        ("このアプリはぜんぜんつかえないし、サポートのへんじもありません。", "other_language"),
        ("哈哈哈哈哈哈哈哈哈哈哈哈", "gibberish"),
        ("专业办理各类贷款,额度高,低息,欢迎咨询", "advertisement"),
        ("快递三天没到", None),
        ("贷款额度高,低息,结果全是假的,骗人", None),
        ("iPhone 15 Pro Max 256G 屏幕有条绿线", None),
    ],
)
def test_says_why(text: str, reason: str | None):
    assert SCOPE.reason(text) == reason
