"""Fixtures that several folders share: a small model trained on a part of the project's corpus."""

import os
from pathlib import Path

import pytest

from models.bundle import ModelBundle
from models.registry import Registry
from training.config import TrainConfig
from training.data import LabelledTexts, read_corpus
from training.run import train
from triage.taxonomy import Taxonomy

ROOT = Path(__file__).parent.parent
N_SMALL = 600


@pytest.fixture(scope="session")
def corpus() -> LabelledTexts:
    return read_corpus()


@pytest.fixture(scope="session")
def small_corpus(corpus: LabelledTexts) -> LabelledTexts:
    """Every n-th text, so that all labels are there."""
    return corpus.subset(range(0, len(corpus.texts), max(1, len(corpus.texts) // N_SMALL)))


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory, small_corpus: LabelledTexts) -> Registry:
    """A registry with one small version; tests must not change it."""
    found = Registry(tmp_path_factory.mktemp("registry"))
    train(small_corpus, found, taxonomy=Taxonomy.from_file(), config=TrainConfig.from_file())
    return found


@pytest.fixture(scope="session")
def bundle(registry: Registry) -> ModelBundle:
    return registry.load()


@pytest.fixture(scope="session")
def measure_data() -> Path:
    """The folder of real data for measuring; skips where it is not there."""
    folder = Path(os.environ.get("TRIAGE_MEASURE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no measuring data at {folder}: name its folder by TRIAGE_MEASURE_DATA")
    return folder
