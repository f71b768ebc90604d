"""Rules measured on texts whose writers had not seen them; floors stand in one table.

A number that falls below its floor fails with both numbers. ``pytest tests/quality -s`` prints all.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from triage.card import CardReader
from triage.flags import FLAGS, FlagRules
from triage.privacy import find_personal_data
from triage.replies import ReplyRules
from triage.text import CleanText, clean_texts, fold

pytestmark = pytest.mark.quality
HERE = Path(__file__).parent
FLOORS = json.loads((HERE / "floors.json").read_text(encoding="utf-8"))


def read(name: str) -> list[dict[str, Any]]:
    lines = (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def check(name: str, value: float) -> None:
    print(f"{name}: {value:.3f} (floor {FLOORS[name]})")
    assert value >= FLOORS[name], f"{name} is {value:.3f}, its floor is {FLOORS[name]}"


def f1(hits: int, found: int, wanted: int) -> float:
    return 2 * hits / (found + wanted) if found + wanted else 1.0


def overlaps(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return first[0] < second[1] and second[0] < first[1]


def places(text: str, phrases: Iterable[str]) -> list[tuple[int, int]]:
    """Find phrases in order, each behind the one before where it can be."""
    spans, start = [], 0
    for phrase in phrases:
        at = text.find(phrase, start)
        at = text.find(phrase) if at < 0 else at
        spans.append((at, at + len(phrase)))
        start = at + len(phrase)
    return spans


def test_personal_data():
    hits = found = wanted = 0
    for row in read("privacy"):
        folded, offsets = fold(row["text"])
        ours = {
            row["text"][offsets[start] : max(offsets[end], offsets[end - 1] + 1)]
            for start, end, _ in find_personal_data(folded)
        }
        theirs = {item["phrase"] for item in row["personal"]}
        hits, found, wanted = hits + len(ours & theirs), found + len(ours), wanted + len(theirs)
    check("privacy_recall", hits / wanted)
    check("privacy_precision", hits / found)


@pytest.fixture(scope="module")
def flag_answers() -> list[tuple[set[str], set[str]]]:
    rows = read("flags")
    clean = clean_texts([row["text"] for row in rows])
    found = list(map(FlagRules.from_file().find, (c.folded for c in clean)))
    return [(set(row["flags"]), {f.flag for f in fs}) for row, fs in zip(rows, found, strict=True)]


@pytest.mark.parametrize("flag", FLAGS)
def test_flags(flag: str, flag_answers: list[tuple[set[str], set[str]]]):
    hits = sum(flag in a and flag in b for a, b in flag_answers)
    wanted = sum(flag in a for a, _ in flag_answers)
    check(f"flag_{flag}", f1(hits, sum(flag in b for _, b in flag_answers), wanted))
    if flag in ("self_harm", "safety_risk"):
        check(f"flag_{flag}_recall", hits / wanted)


def test_safety_rules():
    rows = read("safety")
    clean = clean_texts([row["text"] for row in rows])
    found = list(map(FlagRules.from_file().find, (c.folded for c in clean)))
    spoke = [any(f.raises or f.flag in ("safety_risk", "self_harm") for f in fs) for fs in found]
    danger = [row["expected"] == "danger" for row in rows]
    check("safety_recall", sum(s for s, d in zip(spoke, danger, strict=True) if d) / sum(danger))
    quiet = [not s for s, d in zip(spoke, danger, strict=True) if not d]
    check("safety_quiet", sum(quiet) / len(quiet))


def test_reply_check():
    rules = ReplyRules.from_file()
    hits = found = wanted = 0
    part_hits = part_found = part_wanted = 0
    for row in read("replies"):
        answer = rules.check(row["text"])
        ours = [(f.kind, (f.start, f.end)) for f in answer.findings]
        spans = places(row["text"], [f["phrase"] for f in row["findings"]])
        theirs = [(f["kind"], s) for f, s in zip(row["findings"], spans, strict=True)]
        found, wanted = found + len(ours), wanted + len(theirs)
        for kind, span in theirs:  # each of ours may answer for one of theirs
            match = next((o for o in ours if o[0] == kind and overlaps(o[1], span)), None)
            if match:
                ours.remove(match)
                hits += 1
        missing = {part.part for part in answer.missing}
        part_hits += len(missing & set(row["missing"]))
        part_found, part_wanted = part_found + len(missing), part_wanted + len(row["missing"])
    check("reply_findings", f1(hits, found, wanted))
    check("reply_missing", f1(part_hits, part_found, part_wanted))


@pytest.fixture(scope="module")
def cards() -> list[tuple[dict[str, Any], CleanText, Any]]:
    reader = CardReader.from_file()
    rows = read("card")
    clean = clean_texts([row["text"] for row in rows])
    return [
        (row, c, reader.read(c.folded, datetime.fromisoformat(row["received_at"])))
        for row, c in zip(rows, clean, strict=True)
    ]


@pytest.mark.parametrize("field", ["amounts", "moments"])
def test_card_spans(field: str, cards: list[tuple[dict[str, Any], CleanText, Any]]):
    hits = found = wanted = 0
    for row, clean, card in cards:
        ours = [
            clean.span(item.start, item.end)
            for item in (card.amounts if field == "amounts" else card.when) or ()
        ]
        theirs = places(clean.text, [item["phrase"] for item in row[field]])
        hits += sum(any(overlaps(a, b) for b in ours) for a in theirs)
        found, wanted = found + len(ours), wanted + len(theirs)
    check(f"card_{field}", f1(hits, found, wanted))


def test_card_amount_values(cards: list[tuple[dict[str, Any], CleanText, Any]]):
    hits = found = wanted = 0
    for row, _, card in cards:
        ours = [None if a.value is None else float(a.value) for a in card.amounts or ()]
        theirs = [item["value"] for item in row["amounts"]]
        found, wanted = found + len(ours), wanted + len(theirs)
        for value in theirs:
            if value in ours:
                ours.remove(value)
                hits += 1
    check("card_amount_values", f1(hits, found, wanted))


def test_card_prior_contacts(cards: list[tuple[dict[str, Any], CleanText, Any]]):
    right = 0
    for row, _, card in cards:
        ours = card.prior_contacts
        said = None if ours is None else ("some" if ours.count is None else ours.count)
        right += said == row["prior_contacts"] or {said, row["prior_contacts"]} == {1, "some"}
    check("card_prior_contacts", right / len(cards))


def test_card_demands(cards: list[tuple[dict[str, Any], CleanText, Any]]):
    hits = found = wanted = 0
    for row, _, card in cards:
        ours = {demand.value for demand in card.demands or ()}
        theirs = set(row["demands"]) - {"其他"}
        ours -= {"其他"}
        hits, found, wanted = hits + len(ours & theirs), found + len(ours), wanted + len(theirs)
    check("card_demands", f1(hits, found, wanted))
