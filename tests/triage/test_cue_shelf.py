from triage.cue_book import CueBook
from triage.cue_shelf import CueShelf
from triage.cues import Expression, Reading

GROUPS = {
    "asked": [Expression.parse("退 [我] 钱|款"), Expression.parse("道歉")],
    "told": [Expression.parse("打 ~4 电话"), Expression.parse("道歉")],
}


def test_a_group_finds_together_what_it_finds_alone():
    reading = Reading("打了三次电话都不退我钱，也不道歉，再打客服电话还是不退款")
    together = CueShelf(GROUPS).find(reading)
    assert together == {name: CueBook(group).find(reading) for name, group in GROUPS.items()}
    assert len(together["asked"]) == 3


def test_a_group_that_finds_nothing_has_no_entry():
    assert set(CueShelf(GROUPS).find(Reading("请退款"))) == {"asked"}
