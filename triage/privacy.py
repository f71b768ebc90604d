"""Personal data in complaints: found by form and check digit, masked by kind.

The patterns read folded text (half width, simplified script). A mask keeps its kind, so that the
text stays readable: ``<手机号>``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ahocorasick_rs import AhoCorasick

Span = tuple[int, int, str]

ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
"""Weights of GB 11643-1999; the remainder modulo 11 chooses the check character."""
ID_CHECKS = "10X98765432"

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
    "温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴"
    "霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚"
    "岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑"
)
COMPOUND_SURNAMES = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|司徒|令狐|夏侯|端木|百里"
TITLES = (
    "先生|女士|小姐|太太|阿姨|大爷|大妈|大叔|大姐|大哥|老师|医生|大夫|护士|护士长|师傅|经理|主任|主管|店长|总监|"
    "老板|老板娘|律师|校长|院长|局长|书记|处长|科长|所长|队长|站长|镇长|村长|警官|教授|教练|管家|组长|班长|工程师"
)
NOT_A_SURNAME_AFTER = {
    "于": "关对由至属等低高用处位善鉴勇基终",
    "方": "对甲乙官双多各校院院地我贵警军资厂店卖买官前",
    "金": "基资现押租奖五保佣定订本",
    "常": "经平日非正异通时",
    "何": "任如为几",
    "任": "责主信上担",
    "高": "提最很太更较",
    "马": "车人骑上",
    "时": "当那有同及平按临到小何随暂准",
    "安": "保公治平西延不",
    "向": "方一偏转去往走",
    "车": "汽客货停乘班公电单开修洗",
    "连": "一相接就却甚",
    "管": "主城监保物交掌总",
    "路": "道公铁马网一走修",
    "成": "完变造达赞组分构收",
    "单": "简订账菜保名传清罚开",
    "房": "住新厨楼租病药票二机厂",
    "应": "供回反相对响适",
    "全": "安完齐保",
    "明": "说证声表透公文失",
    "解": "了理调讲和",
    "师": "老律教厨医",
    "文": "语中英论人公",
    "华": "中豪",
    "党": "共",
    "游": "旅导",
    "龙": "水",
    "包": "面打红钱承外书",
    "万": "一两三四五六七八九十几百千",
    "边": "旁这那一路身",
    "农": "菜三务",
    "曲": "歌",
    "白": "明空",
    "黄": "蛋",
    "石": "",
    "计": "会设统",
    "关": "相有无机海公闭把开难",
    "查": "检调核抽审复巡侦",
    "许": "也或允不准兴特",
}
FULL_NAME_CUES = (
    "我叫|我的名字叫|姓名(?:叫|是|为)?[::]?|名字[::]|联系人(?:是|为)?[::]?|收件人[::]?|投诉人[::]?|"
    "来电人[::]|本人(?:叫|名叫|姓名)?(?![于向常应全时单解任连从和])"
)
ASKING = re.compile(
    rf"(?:{TITLES})(?:们)?(?:反映|咨询|投诉|请教|询问|请示|要|提|说|道歉|借|求|问|打听|汇报|申请)"
)
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
ORDER_CUES = re.compile(r"(?:订单|运单|单号|编号|流水|条码|工单|序列|合同|发票|保单|票号)\D{0,8}$")


@dataclass(frozen=True, slots=True)
class _Rule:
    """A form of personal data, looked for only in a text that passes its gate."""

    kind: str
    gate: str
    pattern: re.Pattern[str]
    is_valid: Callable[[re.Match[str]], bool]


@dataclass(frozen=True, slots=True)
class _Gates:
    """Cheap tests of what a text may hold: words, found in one scan, and a few shapes."""

    words: AhoCorasick
    owners: tuple[str, ...]
    shapes: tuple[tuple[str, re.Pattern[str]], ...]

    def opened(self, text: str) -> set[str]:
        """Give the names of the gates that a text passes."""
        owners = self.owners
        passed = {owners[found[0]] for found in self.words.find_matches_as_indexes(text)}
        passed.update(name for name, shape in self.shapes if shape.search(text))
        return passed


def find_personal_data(text: str) -> list[Span]:
    """Find personal data in folded text.

    Parameters
    ----------
    text : str
        Folded text (see `triage.text`).

    Returns
    -------
    list of (start, end, kind)
        In order, without overlaps; where two kinds claim the same characters the one that is
        checked more strictly wins (an ID number before a bank card before a phone).

    References
    ----------
    GB 11643-1999 (check digit of ID numbers); ISO/IEC 7812-1 (Luhn, bank cards).

    Examples
    --------
    >>> find_personal_data("车牌川A12345,找李经理")
    [(2, 9, '车牌号'), (11, 12, '姓名')]
    >>> find_personal_data("订单号1380013800012")
    []
    """
    found: list[Span] = []
    opened = _gates().opened(text)
    if not opened:
        return found
    for rule in _rules():
        if rule.gate not in opened:
            continue
        for match in rule.pattern.finditer(text):
            start, end = match.span("value")
            if rule.is_valid(match) and not any(start < e and s < end for s, e, _ in found):
                found.append((start, end, rule.kind))
    return sorted(found)


def mask_spans(text: str, spans: Sequence[Span]) -> str:
    """Replace each span by its kind in angle brackets.

    Examples
    --------
    >>> mask_spans("打13800138000", [(1, 12, "手机号")])
    '打<手机号>'
    """
    for start, end, kind in reversed(spans):
        text = f"{text[:start]}<{kind}>{text[end:]}"
    return text


def mask(text: str) -> str:
    """Mask the personal data of one folded text."""
    return mask_spans(text, find_personal_data(text))


def is_id_number(digits: str) -> bool:
    """Tell whether 18 characters are an ID number with the right check character.

    Examples
    --------
    >>> is_id_number("11010519491231002X"), is_id_number("110105194912310021")
    (True, False)
    """
    if len(digits) != 18 or not digits[:17].isdigit() or not 1 <= int(digits[10:12]) <= 12:
        return False
    total = sum(w * int(d) for w, d in zip(ID_WEIGHTS, digits[:17], strict=True))
    return ID_CHECKS[total % 11] == digits[17].upper()


def is_card_number(digits: str) -> bool:
    """Tell whether digits pass the Luhn check.

    Examples
    --------
    >>> is_card_number("4111111111111111"), is_card_number("4111111111111112")
    (True, False)
    """
    odd = sum(map(int, digits[-1::-2]))
    even = sum(sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (odd + even) % 10 == 0


def _is_id(match: re.Match[str]) -> bool:
    return is_id_number(re.sub(r"[ -]", "", match["value"]))


def _is_card(match: re.Match[str]) -> bool:
    digits = re.sub(r"[ -]", "", match["value"])
    after_order = ORDER_CUES.search(match.string[max(0, match.start() - 14) : match.start()])
    return 15 <= len(digits) <= 19 and not after_order and is_card_number(digits)


def _is_phone(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start("value") - 1) : match.start("value")]
    return not re.match(r"[0-9A-Za-z.]", before) and _is_not_an_order(match)


def _is_not_an_order(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start("value") - 14) : match.start("value")]
    return not ORDER_CUES.search(before)


def _is_name(match: re.Match[str]) -> bool:
    start = match.start("value")
    if match["value"] == "向" and ASKING.match(match.string, match.end()):
        return False  # 向老师反映: a preposition
    surname, before = match.string[start], match.string[max(0, start - 1) : start]
    return not before or before not in NOT_A_SURNAME_AFTER.get(surname, "")


def _always(_: re.Match[str]) -> bool:
    return True


@lru_cache(maxsize=1)
def _gates() -> _Gates:
    words = {
        "@": "@",
        "account": "微信 薇信 加v 加V vx vX Vx VX v信 V信 wx wX Wx WX",
        "qq": "qq qQ Qq QQ 扣扣",
        "full name": "我叫 我的名字叫 本人 名字 姓名 联系人 收件人 投诉人 来电人",
        "title": TITLES.replace("|", " "),
    }
    shapes = {
        "long number": r"[0-9](?:[ ()-]?[0-9]){6}",
        "plate": rf"[{PROVINCES}][A-HJ-NP-Za-hj-np-z]",
        "building": r"[栋幢座楼#][^,。]{0,8}?[0-9]{2}",
        "flat": r"[0-9楼单](?:(?<=[0-9])[室房户]|(?<=楼)之|"
        r"(?<=单)元[0-9零〇一二三四五六七八九十]{2})",
    }
    named = [(name, word) for name, own in words.items() for word in own.split()]
    return _Gates(
        AhoCorasick([word for _, word in named]),
        tuple(name for name, _ in named),
        tuple((name, re.compile(shape)) for name, shape in shapes.items()),
    )


@lru_cache(maxsize=1)
def _rules() -> tuple[_Rule, ...]:
    return tuple(
        _Rule(kind, gate, re.compile(pattern), is_valid)
        for kind, gate, pattern, is_valid in _forms()
    )


def _forms() -> Iterable[tuple[str, str, str, Callable[[re.Match[str]], bool]]]:
    """Give kind, gate, pattern and check of every form, the strictest first.

    A look-behind stands after the first character, where it does not slow the search down.
    """
    alone = r"(?<![0-9A-Za-z].)"
    yield (
        "邮箱",
        "@",
        r"(?P<value>[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z]{2,24}){1,3})",
        _always,
    )
    yield (
        "身份证号",
        "long number",
        rf"(?P<value>[1-9]{alone}[0-9]{{5}}[ -]?[0-9]{{4}}[ -]?[0-9]{{4}}[ -]?[0-9]{{3}}[0-9Xx])"
        r"(?![0-9A-Za-z])",
        _is_id,
    )
    yield (
        "银行卡号",
        "long number",
        rf"(?P<value>[3-69]{alone}[0-9]{{3}}(?:[ -]?[0-9]{{4}}){{2,3}}[ -]?[0-9]{{1,4}})"
        r"(?![0-9A-Za-z])",
        _is_card,
    )
    yield (
        "微信号",
        "account",
        r"(?:微信|薇信|[vV][xX]|[wW][xX]|[vV]信|加[vV])号?(?:是|为|叫)?[::号 ]{0,3}"
        r"(?P<value>[A-Za-z][A-Za-z0-9_-]{5,19})",
        _always,
    )
    yield (
        "QQ号",
        "qq",
        r"(?:[qQ]{2}|扣扣)(?:号码?|群号?)?(?:是|为)?[:: ]{0,3}(?P<value>[1-9][0-9]{4,11})(?![0-9])",
        _always,
    )
    yield (
        "手机号",
        "long number",
        r"(?P<value>(?:\(?\+86\)?[- ]?|0086[- ]?|86[- ]?)?1[3-9][0-9]"
        r"(?:[0-9]{8}|[- ][0-9]{4}[- ][0-9]{4}|[- ]?[0-9]{3}[- ][0-9]{5}))(?![0-9])",
        _is_phone,
    )
    yield (
        "手机号",
        "long number",
        r"(?P<value>09(?<![0-9]..)[0-9]{2}[- ]?[0-9]{3}[- ]?[0-9]{3})(?![0-9])",
        _is_not_an_order,
    )
    yield (
        "手机号",
        "long number",
        r"(?P<value>(?:\+|00)852[- ]?[2-9][0-9]{3}[- ]?[0-9]{4})(?![0-9])",
        _always,
    )
    yield (
        "电话号",
        "long number",
        r"(?P<value>(?:\(0[0-9]{2,3}\) ?|0(?<![0-9-].)[0-9]{2,3}[-— ])[2-9][0-9]{2,3}[- ]?[0-9]{4}"
        r"(?:(?:-|转|分机)[0-9]{1,5})?)(?![0-9])",
        _always,
    )
    yield (
        "电话号",
        "long number",
        r"(?P<value>0(?<![0-9].)(?:10|2[0-9]|[3-9][0-9]{2})[2-9][0-9]{6,7})(?![0-9])",
        _is_not_an_order,
    )
    yield (
        "电话号",
        "long number",
        r"(?:电话|座机|固话|致电|拨打|手机号?|号码|tel|TEL|Tel)(?:是|为)?[:: ]{0,3}"
        r"(?P<value>[2-9][0-9]{3}[- ]?[0-9]{3,4})(?![0-9元块年])",
        _always,
    )
    yield (
        "车牌号",
        "plate",
        rf"(?P<value>[{PROVINCES}][A-HJ-NP-Za-hj-np-z][·•. -]?"
        r"(?=[A-HJ-NP-Za-hj-np-z0-9]{0,5}[0-9])[A-HJ-NP-Za-hj-np-z0-9]{4,5}[A-HJ-NP-Za-hj-np-z0-9挂学警港澳])(?![A-Za-z0-9])",
        _always,
    )
    yield (
        "门牌号",
        "building",
        r"(?<![0-9A-Za-z])(?P<value>(?:[0-9]{1,5}号(?:院)?)?"
        r"(?:[A-Za-z]?[0-9]{1,3}|[A-Za-z]|[一二三四五六七八九十]{1,3})(?:栋|幢|座|号楼|#楼?)"
        r"(?:[A-Za-z0-9一二三四]{1,2}(?:单元|门|梯))?(?:[一二三四五六七八九十0-9]{1,3}[层楼])?"
        r"[A-Za-z]?-?[0-9]{2,5}(?:室|房|户|号(?!楼))?)(?![0-9年月元%.楼平米万㎡])",
        _always,
    )
    yield (
        "门牌号",
        "flat",
        r"(?P<value>(?:[0-9一二三四五六七八九十]{1,3}单元|[0-9]{1,5}号)[0-9]{3,4}(?:室|房|户)|"
        r"(?:[0-9一二三四五六七八九十]{1,3}(?:栋|幢|座|号楼))?[0-9一二三四五六七八九十]{1,3}单元"
        r"(?:[一二三四五六七八九十0-9]{1,3}[层楼])?"
        r"(?:[0-9]{3,4}|[零〇一二三四五六七八九]{3,4})(?:室|房|户)?|"
        r"[0-9]{1,3}(?:栋|幢|座|号楼?)[0-9]{1,2}楼之[0-9]{1,2}|"
        r"[0-9]{1,5}号[0-9]{1,2}楼(?:之[0-9]{1,2}|[A-Za-z0-9]{1,3}室))",
        _always,
    )
    yield (
        "姓名",
        "full name",
        rf"(?:{FULL_NAME_CUES})(?P<value>(?:{COMPOUND_SURNAMES}|[{SURNAMES}])[\u4e00-\u9fff]{{1,2}})"
        r"(?=[,。.;!:、\s<(]|$|先生|女士|小姐|电话|手机|联系|身份)",
        _always,
    )
    yield (
        "姓名",
        "title",
        rf"(?P<value>{COMPOUND_SURNAMES}|[{SURNAMES}])(?=(?:{TITLES})(?!兄))",
        _is_name,
    )
