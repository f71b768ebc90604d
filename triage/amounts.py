"""Sums of money in a text, in digits and in Chinese numerals, with the part they play."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import cn2an

from triage.word_index import WordIndex

ROLES = ("paid", "demanded", "lost", "charged")
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MASKED = r"\d*\*+[\d*]*(?:\.[\d*]+)?|\d+\.\*+"
_HAN = "零〇一二两三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟萬廿卅"
_ABOUT = "多几余来好几"
_NUMBER = (
    rf"(?:{_MASKED}|(?:{_DIGITS})[{_ABOUT}]?(?:(?:[十百千]?万|[百千亿wWkK]|十)"
    rf"(?:\d{{1,4}}[百千]?|[{_HAN}]{{1,4}})?)?|好?几?[{_HAN}][{_HAN}几多余来]*|好?几[十百千万亿][十百千万亿]*)"
    rf"[{_ABOUT}]?"
)
_UNIT = (
    r"(?:元人民币|块大洋|块钱|元钱|元整|美元|美金|港币|港元|欧元|日元|英镑|韩元|台币|新台币|澳元|"
    r"人民币|大洋|元(?!旦|月|宵|件|器|气|素|老|首|谷|件|音|帅)|块|圆|刀(?![片具叉架])|RMB|rmb)"
)
_CHANGE = (
    rf"(?:[零]?[\d{_HAN}]{{1,3}}(?:角|毛)?(?:钱)?(?:[\d{_HAN}]{{1,2}}分)?"
    "(?![个张斤盒袋瓶份人支束只套条件台节位次年月天晚公平笔桶杯箱包双本米度]))"
)
_SIGN = r"(?:(?:NT|HK|US)\$|[¥￥$]|RMB|rmb|CNY|人民币)\s?"
# What follows a number that is no sum of money.
_COUNTERS = (
    "个天日号月年周次遍回趟人户位名家台件张条部只双盒瓶袋箱包本份套斤两克吨米层楼栋期届岁点分秒"
    "时小刻公里平倍折成%％度级页行字粉题道门辆架艘座间房室桌床针节课集场班车路单封通声句代环路口"
    "种类项步段批排列组轮区县市村镇省毫厘升寸尺亩比毛角第kKgGmMcClLxX℃°:/-_~"
)
_COUNTER_CHARS = frozenset(_COUNTERS)
_LONG_COUNTERS = ("个", "工作日", "小时", "分钟", "多个", "多天", "多人", "来个", "余人", "几个")
_NOUN_AFTER_PIECE = re.compile(r"[一-鿿]")
_AFTER_PIECE = set('的了多钱左右都也就还没不吧啊呢吗呀，,。！!？?；;、 ）)”"每一个到我你他给')
_COUNTED = re.compile(
    r"(?:点赞|粉丝|播放|播放量|销量|里程|公里数|阅读|浏览|步数|跑了|开了|行驶|关注|里程数|面积|人口|字数|"
    r"成交|好评|评论|抗体|总人数|编号|尾号|单号|房号|代码|第)[有了共约是已经过不到才:：]{0,4}$"
)
_HAN_CHARS = frozenset(_HAN + "几")
_LONG_NUMBER = re.compile(r"\d{5,}|\d{3,}W")
_MYRIADS = re.compile(r"\d.*[万wW]|[一二两三四五六七八九几百]万")
_HOTLINE = re.compile(r"1[12]\d|12\d{3}|9[56]\d{3,4}|100\d\d|400\d{7}")
_DIALLED = re.compile(r"(?:打|拨|找|向|电话|热线|投诉到?)[了过通的]{0,2}$")
_ROUND = re.compile(
    r"(?:[一二两三四五六七八九][千百万][一二三四五六七八九]|[\d一二两三四五六七八九十几]+[千万][多一二三四五六七八九]?)"
)
# Prices by the piece: 198一斤, 799一个人, 260一年, 79.9两个; sums of a list: 索道80、环保车30.
_PRICED = re.compile(
    r"(?:一|每|/|两|三)(?:大|小)?(?:斤|个人?|张|支|束|只|盒|袋|瓶|份|人|次|年|个?月|晚|天|小时|节|位|条|件|套|"
    r"平米?|箱|包|双|桶|杯|碗|盘|单|台|把|块|副|期|学期|课时|公斤|吨|度|顿|趟|辆|间|户|针|颗|支)"
)
_LISTED = re.compile(
    r"(?:\d|元|块)[、和加及][一-鿿]{1,6}$|[费价款金税票薪险团餐房药疗卡券课饭包装][一-鿿]?$|"
    r"[买卖租订赔扣收付交花][一-鿿]{1,3}$"
)
_MEASURED = re.compile(
    r"(?:身高|体重|血压|血糖|温度|尺码|高度|编号|分数|时速|价保|考了?|穿|第|年|版|型|号|款|达|率|比|度)[到了有是为]?$"
)
_ABOUTS = ("左右", "出头", "上下", "不到", "以上", "起步", "起", "还不")
_CLOSERS = set('，,。！？!?；;、 ）)”"\n的')
_IDIOM = re.compile(r"^(?:一|半|1)(?:分|毛)钱$")
_CURRENCIES = {
    "美元": "USD", "美金": "USD", "$": "USD", "刀": "USD", "港币": "HKD", "港元": "HKD",
    "欧元": "EUR", "日元": "JPY", "英镑": "GBP", "韩元": "KRW", "台币": "TWD", "新台币": "TWD",
    "澳元": "AUD", "NT$": "TWD", "HK$": "HKD", "US$": "USD",
}  # fmt: skip
_FILLERS = set("我你他她们您了过的是为到约大概差不多近共仅只要才就还得至少一总整:： ")
_FILLER_CHARS = 6
_BREAK = re.compile(r"[,，。！？!?；;\n]")
_STOP = re.compile(r"[。！？!?；;\n]")
_REACH_CHARS = 14
_ROLE_REACH, _ROLE_BEHIND = 24, 10
# What makes a number without sign or unit no sum before anything else is asked.
_NO_MONEY = re.compile(r"[A-Za-z0-9]|个?(?:工作日|小时|分钟)")


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of money.

    Parameters
    ----------
    value : Decimal or None
        How much; None where digits are masked. Of 三千多 the lower end, 3000.
    currency : str
        ISO 4217 code, CNY unless the text says otherwise.
    role : str or None
        paid, demanded, lost or charged; None if the text does not show it.
    is_about : bool
        Whether the text says that it is not exact (多, 几, 余, 来).
    start, end : int
        The span ``[start, end)``, from the sign or number to the unit.
    """

    value: Decimal | None
    currency: str
    role: str | None
    is_about: bool
    start: int
    end: int


@lru_cache(maxsize=4096)
def read_number(text: str) -> Decimal | None:
    """Read a number as Chinese people write it.

    Parameters
    ----------
    text : str
        Digits, Chinese numerals or both; 多, 几, 余, 来 may say that it is not exact.

    Returns
    -------
    Decimal or None
        The number, at its lower end if it is not exact; None if digits are masked or missing.

    Examples
    --------
    >>> [str(read_number(text)) for text in ("1,200.50", "3.5万", "一千二", "三千多", "20几万")]
    ['1200.50', '35000', '1200', '3000', '200000']
    >>> read_number("1917***.92") is None
    True
    """
    if "*" in text:
        return None
    plain = text.replace(",", "").translate(_FOLD)
    plain = re.sub(r"(?<=\d)[多几余来](?=[十百千万亿])", "", plain)
    plain = plain.strip("多余来好")
    plain = re.sub(r"(?<=[十百千])[几余来多](?=[万亿])", "", plain)
    plain = re.sub(r"^几(?=[十百千万亿])", "一", plain)
    plain = re.sub(r"[几余来多]", "", plain)
    plain = _NEIGHBOURS.sub(r"\1", plain)
    if not plain:
        return None
    try:
        if plain.isdecimal() or re.fullmatch(r"\d+\.\d+", plain):
            return Decimal(plain)
        value = _read_mixed(plain)
        return value.quantize(Decimal(1)) if value == value.to_integral_value() else value
    except (ValueError, InvalidOperation, KeyError):
        return None


_FOLD = str.maketrans(
    "wWkK壹贰叁肆伍陆柒捌玖拾佰仟萬〇廿", "万万千千一二三四五六七八九十百千万零二"
)
_NEIGHBOURS = re.compile(r"([一二两三四五六七八])[二两三四五六七八九](?=[十百千万亿])")
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_HEAD = re.compile(r"(\d+(?:\.\d+)?)([十百千万亿]{1,2})(.*)")


def _read_mixed(text: str) -> Decimal:
    match = _HEAD.fullmatch(text)
    if match is None:
        return Decimal(int(cn2an.cn2an("一" + text if text[0] in _SCALES else text, "smart")))
    scale = 1
    for letter in match[2]:
        scale *= _SCALES[letter]
    value = Decimal(match[1]) * scale
    rest = match[3]
    if not rest:
        return value
    if rest.isdecimal() and len(rest) == 1:
        return value + Decimal(rest) * scale / 10
    if len(rest) == 1:
        return value + Decimal(int(cn2an.cn2an(rest, "smart"))) * scale / 10
    return value + (Decimal(rest) if rest.isdecimal() else _read_mixed(rest))


class AmountFinder:
    """Finds sums of money and the part they play.

    Parameters
    ----------
    cues : mapping of str to sequence of str
        For each role the words that show it, and ``money``: words beside which a bare number is
        a sum of money.
    """

    def __init__(self, cues: Mapping[str, Sequence[str]]) -> None:
        roles = {word: role for role in ROLES for word in cues.get(role, ())}
        words = dict.fromkeys(cues.get("money", ()), "") | roles
        self._cues = WordIndex(words.items())
        # A numeral alone is looked at only where what follows can make it money.
        self._first = re.compile(rf"[NHU\d*¥￥$R人好几{_HAN}]")
        self._run = re.compile(
            rf"(?:NT|HK|US)\$|[\d*¥￥$R]|人民币|(?<![{_HAN}几])(?:好?几|[{_HAN}])(?=[{_HAN}几多余来块元圆刀人美港])"
        )
        self._amount_pattern = re.compile(
            rf"(?P<sign>{_SIGN})?(?P<number>{_NUMBER})"
            rf"(?P<unit>\s?{_UNIT}(?P<tail>多|(?P<change>{_CHANGE}))?)?"
        )
        self._small = re.compile(
            rf"(?P<number>[\d{_HAN}几]{{1,3}}|\d\.\d)(?P<unit>毛钱?|角钱?|分钱)"
        )
        self._has_small = re.compile("[毛角]|分钱")

    def find(self, text: str) -> tuple[Amount, ...]:
        """Find the sums of money of a text.

        Parameters
        ----------
        text : str
            Simplified characters, half width.

        Returns
        -------
        tuple of Amount
            In order of the text.

        Examples
        --------
        >>> finder = AmountFinder({"paid": ["花了"], "demanded": ["退我"], "charged": ["扣了"]})
        >>> [(str(a.value), a.role) for a in finder.find("花了一千二买的，只退我三百多块，扣了58")]
        [('1200', 'paid'), ('300', 'demanded'), ('58', 'charged')]
        """
        found: list[Amount] = []
        done = 0
        cues: _Cues | None = None
        for first in self._first.finditer(text):
            start = first.start()
            if start < done or not self._run.match(text, start):
                continue
            match = self._amount_pattern.match(text, start)
            if match is None:
                continue
            done = match.end() if match["number"] else done
            if _NO_MONEY.match(text, match.end()) and not match["sign"] and not match["unit"]:
                continue
            cues = cues or _Cues(text, self._cues)
            if amount := self._read(cues, match):
                found.append(amount)
        for match in self._small.finditer(text) if self._has_small.search(text) else ():
            inside = any(a.start <= match.start() < a.end for a in found)
            if not inside and not _IDIOM.match(match[0]):
                number = read_number(match["number"])
                scale = Decimal("0.01") if match["unit"][0] == "分" else Decimal("0.1")
                value = None if number is None else number * scale
                cues = cues or _Cues(text, self._cues)
                found.append(_amount(cues, match.start(), match.end(), value, "CNY", False))
        return tuple(sorted(found, key=lambda amount: amount.start))

    def _read(self, cues: _Cues, match: re.Match[str]) -> Amount | None:
        sign, number, unit = match["sign"], match["number"], match["unit"]
        start, end = match.span()
        if not unit:
            end = start + len(match[0].rstrip())
        if not self._is_money(cues, match):
            return None
        value = read_number(number)
        if value is None and "*" not in number:
            return None
        if match["change"] and value is not None:
            value += _read_change(match["change"])
        named = (unit or "").strip()
        currency = next((code for name, code in _CURRENCIES.items() if name in named), None)
        if currency is None:
            currency = _CURRENCIES.get((sign or "").strip(), "CNY")
        about = bool(re.search(f"[{_ABOUT}]", number)) or match["tail"] == "多"
        return _amount(cues, start, end, value, currency, about)

    def _is_money(self, cues: _Cues, match: re.Match[str]) -> bool:
        text, number, end = cues.text, match["number"], match.end()
        follows, precedes = text[end : end + 1], text[match.start() - 1 : match.start()]
        latin = precedes.isascii() and precedes.isalnum()
        if precedes and (precedes in "第.*-_" or (latin and not match["unit"])):
            return False
        if precedes in (":", "：") and text[match.start() - 2 : match.start() - 1].isdigit():
            return False
        if match["sign"]:
            return any(map(str.isdigit, number)) or "*" in number or bool(match["unit"])
        unit = (match["unit"] or "").strip()
        before = text[max(0, match.start() - _REACH_CHARS) : match.start()]
        tells_money = cues.tell_money(match.start())
        if unit == "块" and before.endswith(("这", "那", "每", "某", "哪")):
            return False
        if unit:
            return not _is_piece(unit, number, follows, tells_money)
        if (follows.isascii() and follows.isalnum()) or follows in _COUNTER_CHARS:
            return False
        if text.startswith(_LONG_COUNTERS, end):
            return False
        if _HOTLINE.fullmatch(number) and _DIALLED.search(before):
            return False
        if not tells_money and _LONG_NUMBER.fullmatch(number):
            return False
        if _COUNTED.search(before):
            return False
        if _PRICED.match(text, end) and _worth(number):
            return True
        if _MYRIADS.search(number):
            return True
        if not tells_money:
            ends = not follows or follows in _CLOSERS or text.startswith(_ABOUTS, end)
            told = ends or cues.starts_role(end)
            if _worth(number) and (text.startswith(("起步", "出头"), end) or cues.starts_role(end)):
                return True
            if told and _worth(number) and _LISTED.search(before):
                return True
            if follows == "的" and _worth(number):
                return not _MEASURED.search(before)
            return bool(_ROUND.fullmatch(number)) and told
        if len(number) == 1 and number in _HAN_CHARS:
            return False
        return any(map(str.isdigit, number)) or any(letter in number for letter in "十百千万亿")


class _Cues:
    """Where the words stand in a text that show what part a sum plays, or that it is one."""

    __slots__ = ("_by_end", "_by_start", "_ends", "text")

    def __init__(self, text: str, index: WordIndex[str]) -> None:
        self.text = text
        hits = index.find(text)
        self._ends = {end for _, end, _ in hits}
        # By the end with the longer last, and by the start with the longer first.
        roles = [(end, -start, role) for start, end, role in hits if role]
        self._by_end = sorted(roles)
        self._by_start = sorted([(-start, -end, role) for end, start, role in roles])

    def tell_money(self, start: int) -> bool:
        """Say whether a cue stands before a number, but for a few filling characters."""
        for end in range(start, max(-1, start - _FILLER_CHARS - 1), -1):
            if end < start and self.text[end] not in _FILLERS:
                return False
            if end in self._ends:
                return True
        return False

    def starts_role(self, start: int) -> bool:
        """Say whether a cue begins at a place."""
        at = bisect_left(self._by_start, (start,))
        return at < len(self._by_start) and self._by_start[at][0] == start

    def role(self, start: int, end: int) -> str | None:
        """Give the role of the nearest cue: before the sum in its sentence, else behind it."""
        text, best, where = self.text, None, -1
        at = bisect_left(self._by_end, (start + 1,)) - 1
        if at >= 0:
            last, first, role = self._by_end[at]
            if -first >= start - _ROLE_REACH and not _STOP.search(text, last, start):
                best, where = role, last
        if best is not None and not _BREAK.search(text, where, start):
            return best
        at = bisect_left(self._by_start, (end,))
        if at < len(self._by_start):
            first, last, role = self._by_start[at]
            if -last <= end + _ROLE_BEHIND and not _BREAK.search(text, end, first):
                return role
        return best


def _amount(
    cues: _Cues, start: int, end: int, value: Decimal | None, currency: str, about: bool
) -> Amount:
    return Amount(value, currency, cues.role(start, end), about, start, end)


def _worth(number: str) -> bool:
    """Say whether a bare number is large or exact enough for a price: 20, 9.9, 三百."""
    if re.fullmatch(r"[\d,.]+多?", number):
        return "." in number or 2 <= len(number.strip("多")) <= 6
    return len(number) >= 2 and any(letter in number for letter in "百千万")


def _read_change(text: str) -> Decimal:
    """Read what follows the unit: 三块五, 3元5角, 两块八毛五."""
    plain = text.replace("钱", "")
    digits = re.findall(rf"[\d{_HAN}]+", plain)
    value = Decimal(0)
    for place, part in enumerate(digits[:2]):
        number = read_number(part.lstrip("零") or "零")
        if number is not None:
            value += number * (Decimal("0.1") if place == 0 else Decimal("0.01"))
    if digits and len(digits) == 1 and digits[0].isdecimal() and len(digits[0]) == 2:
        value = Decimal(digits[0]) / 100
    return value


def _is_piece(unit: str, number: str, follows: str, is_told: bool) -> bool:
    """Say whether 块 or 元 counts something else: 两块玻璃, 这一块, 多元."""
    if unit.startswith("元") or unit[0] not in "块圆刀":
        return not re.search(r"[\d*一二两三四五六七八九十几半壹贰叁肆伍陆柒捌玖拾]", number)
    if unit != "块":
        return unit in ("刀", "圆") and not is_told
    small = len(number) == 1 and number != "十"
    if follows and follows not in _AFTER_PIECE and _NOUN_AFTER_PIECE.match(follows):
        return small and not is_told
    return number == "一" and not is_told
