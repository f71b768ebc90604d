"""Rules of the cells' counts."""

import json

from triage.cells import N_HOURS, CellTable, cell_keys


def test_values_beyond_the_cap_share_a_cell_and_it_is_said():
    table = CellTable(max_values=3)
    for k in range(10_000):
        table.add(cell_keys({"product": f"型号{k}"}), hour=100)
    assert table.capped_fields == {"product"}
    assert len(table.rows) <= 5
    assert table.hours("product=…", last_hour=100, n_hours=1).tolist() == [9997]


def test_late_arrivals_count_in_their_own_hour():
    table = CellTable()
    table.add([""], hour=1000)
    table.add([""], hour=1000 - 24 * 7)
    assert table.hours("", last_hour=1000, n_hours=169)[0] == 1


def test_hours_older_than_the_table_count_by_day_only():
    table = CellTable()
    table.add([""], hour=50_000)
    table.add([""], hour=50_000 - N_HOURS)
    assert table.hours("", last_hour=50_000, n_hours=N_HOURS).sum() == 1
    assert table.days([0], last_day=50_000 // 24, n_days=200).sum() == 2


def test_a_clock_jump_empties_what_it_passes():
    table = CellTable()
    table.add([""], hour=1000)
    table.advance(1000 + 10 * N_HOURS)
    assert table.hours("", last_hour=table.last_hour, n_hours=N_HOURS).sum() == 0


def test_a_corrected_label_moves_the_count():
    table = CellTable()
    table.add(["category=a"], hour=5)
    table.add(["category=a"], hour=5, n=-1)
    table.add(["category=b"], hour=5)
    counts = [table.hours(f"category={c}", last_hour=5, n_hours=1)[0] for c in "ab"]
    assert counts == [0, 1]


def test_values_may_hold_the_signs_that_names_are_built_with():
    keys = cell_keys({"product": "A&B=C", "region": "东"}, [("product", "region")])
    assert keys == ["", "product=A＆B＝C", "region=东", "product=A＆B＝C&region=东"]


def test_state_survives_json():
    table, other = CellTable(), CellTable()
    table.add(cell_keys({"region": "东"}), hour=7)
    other.restore(json.loads(json.dumps(table.state())))
    assert other.state() == table.state()
