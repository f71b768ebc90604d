"""Time of the handling knowledge for one text: plan, card, deadlines and flags, in process.

    python benchmarks/handling.py [--chars 350] [--texts 200] [--rounds 10] [--json]

What is timed is what the service adds to tagging. Each call is timed by itself, all parts of one
text in turn as the service calls them, so that none finds its tables warm from the call before.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from machine import heading

from api.answers import DEFAULT_URGENCY, Knowledge
from api.cards import show_card
from api.settings import Settings
from training.data import read_corpus
from triage.text import CleanText, clean_texts

SPREAD_CHARS = 20
RECEIVED = datetime(2026, 6, 10, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
CASE = ("refund", "compensation", DEFAULT_URGENCY, "phone")
SECTOR = "电商"


def choose(n_texts: int, n_chars: int) -> list[str]:
    """Give texts of the corpus that are about as long as asked for."""
    texts = [text for text in read_corpus().texts if abs(len(text) - n_chars) <= SPREAD_CHARS]
    return texts[:n_texts]


def parts(knowledge: Knowledge) -> dict[str, Callable[[CleanText], object]]:
    """Give what the service does with each text beyond tagging it."""

    def flags(clean: CleanText) -> object:
        return knowledge.rules.find(clean.folded)

    def card(clean: CleanText) -> object:
        return show_card(knowledge.cards.read(clean.folded, RECEIVED), clean)

    def plan(_: CleanText) -> object:
        flags = {"repeat"}
        return knowledge.playbook.plan(*CASE, flags, None, RECEIVED, knowledge.calendar)

    def deadlines(_: CleanText) -> object:
        return knowledge.deadlines.apply(
            RECEIVED, urgency=DEFAULT_URGENCY, sector=SECTOR, calendar=knowledge.calendar
        )

    return {"flags": flags, "card": card, "plan": plan, "deadlines": deadlines}


def measure(texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Give the median microseconds of each part, and of what sums of them the tables quote."""
    cleaned = clean_texts(texts)
    timed = parts(Knowledge.from_settings(Settings()))
    times: dict[str, list[float]] = {name: [] for name in timed}
    for turn in range(rounds + 1):
        for clean in cleaned:
            for name, do in timed.items():
                start = time.perf_counter()
                do(clean)
                if turn:  # the first compiles what is compiled at first use
                    times[name].append((time.perf_counter() - start) * 1e6)
    medians = {name: statistics.median(found) for name, found in times.items()}
    own = zip(times["card"], times["plan"], times["deadlines"], strict=True)
    medians["card + plan + deadlines"] = statistics.median(map(sum, own))
    medians["all"] = statistics.median(map(sum, zip(*times.values(), strict=False)))
    return {name: round(value, 1) for name, value in medians.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chars", type=int, default=350)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    texts = choose(given.texts, given.chars)
    medians = measure(texts, given.rounds)
    if given.json:
        print(json.dumps(medians))
        return
    data = f"{len(texts)} texts of training/corpus, {given.chars} ± {SPREAD_CHARS} characters"
    print(heading("Handling: time beyond tagging", data))
    print("| part | median, µs a text |\n|---|---|")
    for name, value in medians.items():
        print(f"| {name} | {value:,.0f} |")


if __name__ == "__main__":
    main()
