"""Label sets are data, and a deployment may bring its own."""

from pathlib import Path

import pytest

from triage.errors import ConfigError, UnknownLabelError
from triage.taxonomy import TASKS, Taxonomy


def test_the_default_has_all_tasks():
    assert tuple(task.id for task in Taxonomy.from_file().tasks) == TASKS


def test_survives_json():
    taxonomy = Taxonomy.from_file()
    assert Taxonomy.from_json(taxonomy.to_json()) == taxonomy


def test_new_labels_follow_the_known_ones():
    task = Taxonomy.from_file().task("category").restricted_to({"refund", "quality", "物业"})
    assert task.label_ids == ("quality", "refund", "物业")


def test_an_unknown_level_of_an_ordered_task_is_refused():
    with pytest.raises(UnknownLabelError, match="--taxonomy FILE"):
        Taxonomy.from_file().task("urgency").restricted_to({"low", "sofort"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[colour]\n", "unknown table colour"),
        ("[category]\n[[category.labels]]\nid = 'a'\n", "two or more labels"),
        ("[category\n", "cannot be read as TOML"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, content: str, message: str):
    path = tmp_path / "labels.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        Taxonomy.from_file(path)


def test_a_label_outside_the_task_is_refused():
    with pytest.raises(UnknownLabelError, match="expected one of low, normal"):
        Taxonomy.from_file().task("urgency").label("sofort")
