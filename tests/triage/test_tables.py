"""Tables know the line of each of their parts."""

import pytest

from triage.errors import ConfigError
from triage.tables import Table

SOURCE = """# first line
[words]
name = ["a"]

[[rule]]
id = "one"
n = 3

[[rule]]
id = "two"
n = "x"
"""


def test_lines_are_found_by_header_number_and_key():
    table = Table.parse(SOURCE, name="t.toml")
    assert table.line_of("words") == 2
    assert table.line_of("rule", 0) == 5
    assert table.line_of("rule", 1, "n") == 11
    assert table.line_of("rule", 1, "none") == 9
    assert table.line_of("nothing") == 1


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda row: row.whole("n"), "t.toml, line 11: 'n' must be a whole number >= 0, got 'x'"),
        (lambda row: row.words("n"), "line 11: 'n' must be a list of non-empty strings"),
        (
            lambda row: row.choice("id", ("a", "b")),
            "line 10: unknown id 'two': expected",
        ),
        (lambda row: row.text("name"), "line 9: 'name' must be a non-empty string, got None"),
        (lambda row: row.expect(("id", "k")), r"line 9: \[rule\] has no 'k'"),
        (lambda row: row.expect(("id",)), "line 11: unknown field 'n': expected one of id"),
    ],
)
def test_a_fault_names_file_line_and_what_is_allowed(read, message):
    *_, row = Table.parse(SOURCE, name="t.toml").rows("rule")
    with pytest.raises(ConfigError, match=message):
        read(row)


def test_a_table_in_place_of_an_array_is_named():
    table = Table.parse("[rule]\nid = 1\n", name="t.toml")
    with pytest.raises(ConfigError, match=r"line 1: 'rule' must be written as \[\[rule\]\]"):
        list(table.rows("rule"))


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "t.toml"
    path.write_bytes("id = '投诉'".encode("gb18030"))
    with pytest.raises(ConfigError, match="is not UTF-8 at byte"):
        Table.from_file(path, "flags.toml")
