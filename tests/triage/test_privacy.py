"""Personal data is masked by kind; what only looks like it stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.privacy import ID_CHECKS, ID_WEIGHTS, find_personal_data, is_card_number
from triage.text import normalize


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("电话13812345678,回我", "电话<手机号>,回我"),
        ("+86 138 1234 5678", "<手机号>"),
        ("打我１３９１２３４５６７８", "打我<手机号>"),
        ("座机010-62345678转801", "座机<电话号>"),
        ("0755-81234567打不通", "<电话号>打不通"),
        ("身份证号11010519491231002X", "身份证号<身份证号>"),
        ("卡号4111 1111 1111 1111被盗刷", "卡号<银行卡号>被盗刷"),
        ("发到li.na_88@example.com", "发到<邮箱>"),
        ("车牌粤B·12345", "车牌<车牌号>"),
        ("新能源川AD12345", "新能源<车牌号>"),
        ("微信号wang_2024联系", "微信号<微信号>联系"),
        ("QQ:12345678", "QQ:<QQ号>"),
        ("住3栋2单元501室", "住<门牌号>"),
        ("12幢1203漏水", "<门牌号>漏水"),
        ("找李经理三次", "找<姓名>经理三次"),
        ("欧阳老师说", "<姓名>老师说"),
        ("我叫王小明,今年60", "我叫<姓名>,今年60"),
        ("張小姐態度差，電話打不通", "<姓名>小姐态度差,电话打不通"),
    ],
)
def test_masks(text: str, masked: str):
    assert normalize(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "订单号13812345678",
        "运单号4111111111111111",
        "拨打12345没人接",
        "打10086投诉",
        "身份证号110105194912310021",
        "卡号4111111111111112",
        "400-810-1234客服",
        "2024-06-15 12:30",
        "关于老师的问题",
        "任何老师都一样",
        "保安经理不管",
        "班主任批评孩子",
        "3栋电梯坏了",
        "一共1200元",
        "20栋2023年交房",
        "基金经理亏钱",
        "5号楼没水",
    ],
)
def test_leaves_alone(text: str):
    assert find_personal_data(normalize(text)) == []


@given(st.text(alphabet="0123456789", min_size=17, max_size=17))
def test_an_id_number_with_its_check_character_is_masked(digits: str):
    number = "1" + digits[1:10] + "0512"[:2] + digits[12:17]
    total = sum(w * int(d) for w, d in zip(ID_WEIGHTS, number, strict=True))
    assert normalize(f"身份证{number}{ID_CHECKS[total % 11]}。") == "身份证<身份证号>。"


@given(st.text(alphabet="0123456789", min_size=15, max_size=15))
def test_one_digit_completes_a_card_number(digits: str):
    assert sum(is_card_number(digits + last) for last in "0123456789") == 1
