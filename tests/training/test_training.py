"""Training: repeatable, calibrated, and honest about what it may not learn from."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.registry import Registry
from training.confidence import choose_thresholds, upper_bound
from training.config import ConfidenceConfig, TrainConfig
from training.data import LabelledTexts, check_trainable
from training.evaluate import evaluate
from training.fit import fit_model
from training.run import train
from triage.errors import ConfigError, DatasetError
from triage.taxonomy import TASKS, Taxonomy


def test_the_same_data_and_configuration_give_the_same_model(
    small_corpus: LabelledTexts, registry: Registry, tmp_path: Path
):
    again = Registry(tmp_path)
    version, _ = train(
        small_corpus, again, taxonomy=Taxonomy.from_file(), config=TrainConfig.from_file()
    )
    assert version[-8:] == registry.current()[-8:]
    np.testing.assert_array_equal(again.load().weights, registry.load().weights)


def test_only_the_first_version_becomes_current_by_itself(
    small_corpus: LabelledTexts, tmp_path: Path
):
    registry = Registry(tmp_path)
    thirds, halves = (small_corpus.subset(range(0, len(small_corpus.texts), n)) for n in (3, 2))
    config = TrainConfig.from_file()
    first, _ = train(thirds, registry, taxonomy=Taxonomy.from_file(), config=config)
    later = TrainConfig(seed=1, features=config.features, heads=config.heads)
    train(halves, registry, taxonomy=Taxonomy.from_file(), config=later)
    assert registry.current() == first


def test_the_card_says_what_a_stranger_needs(registry: Registry):
    folder = registry.folder(registry.current())
    card = (folder / "README.md").read_text(encoding="utf-8")
    for needed in ("95 % interval", "What it is not for", "Known failures", "scikit-learn", "rows"):
        assert needed in card
    for task in TASKS:
        assert (folder / f"risk-coverage-{task}.svg").read_text(encoding="utf-8").count("<svg") == 1
        assert f"risk-coverage-{task}.svg" in card


def test_the_manifest_names_what_made_it(registry: Registry):
    manifest = registry.manifest(registry.current())
    assert {"data", "config", "scores", "libraries", "files", "thresholds"} <= set(manifest)
    json.dumps(manifest)


def test_the_scores_are_of_texts_held_out(registry: Registry, small_corpus: LabelledTexts):
    held_out = registry.manifest(registry.current())["scores"]["category"]["accuracy"]
    seen = evaluate(registry.load(), small_corpus)["category"]["accuracy"]
    assert held_out < seen - 0.05


def test_calibrated_probabilities_match_the_error(corpus: LabelledTexts):
    corpus = corpus.subset(range(0, len(corpus.texts), 4))
    model = fit_model(corpus, Taxonomy.from_file(), TrainConfig.from_file())
    for task in model.taxonomy.tasks:
        right = np.array([task.label_ids.index(x) for x in corpus.labels[task.id]])
        shares = model.held_out[task.id]
        gap = shares.max(axis=1).mean() - (shares.argmax(axis=1) == right).mean()
        assert abs(gap) < 0.05, task.id


def test_thresholds_keep_their_promise_on_the_data_that_set_them():
    rng = np.random.default_rng(7)
    confidence = rng.uniform(0.5, 1, 4000)
    right = (rng.uniform(size=4000) > confidence).astype(np.int64)
    shares = np.stack([confidence, 1 - confidence], axis=1).astype(np.float32)
    limits = choose_thresholds(shares, right, ConfidenceConfig(), "category")
    auto = confidence >= limits.auto
    assert auto.any()
    assert right[auto].mean() <= 0.05


def test_too_little_data_promises_nothing():
    shares = np.full((20, 2), 0.5, dtype=np.float32)
    shares[:, 0], shares[:, 1] = 0.99, 0.01
    limits = choose_thresholds(shares, np.zeros(20, dtype=np.int64), ConfidenceConfig(), "category")
    assert limits.auto > 1


def test_the_bound_covers_as_often_as_it_says():
    rng = np.random.default_rng(3)
    errors = rng.binomial(200, 0.05, 4000)
    covered = upper_bound(errors, np.full(4000, 200), 0.9) >= 0.05
    assert 0.88 <= covered.mean() <= 0.96


def make(n: int, labels: list[str]) -> LabelledTexts:
    texts = tuple(f"第{i}个快递没有送到" for i in range(n))
    return LabelledTexts("made.csv", texts, {"category": tuple(labels)}, {}, texts)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (make(10, ["a", "b"] * 5), "at least 20"),
        (make(30, ["a"] * 30), "one label only"),
        (make(30, ["a"] * 29 + ["b"]), r"fewer than 2 rows: b \(1\)"),
    ],
)
def test_data_that_cannot_be_trained_on_is_refused(data: LabelledTexts, message: str):
    with pytest.raises(DatasetError, match=message):
        check_trainable(data, 5)


def test_an_unknown_key_names_the_known(tmp_path: Path):
    path = tmp_path / "c.toml"
    path.write_text("[features]\nchar_grams = 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown key char_grams: expected some of word_ngrams"):
        TrainConfig.from_file(path)
