"""What a model is made of: one frozen configuration, kept whole in the manifest of the version."""

import tomllib
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, Self

from models.features import FeatureConfig
from models.segmentation import ENGINES, Engine
from triage.errors import ConfigError

HEADS = ("svm", "logistic", "complement_nb")


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """How the heads learn.

    Parameters
    ----------
    kind : {"svm", "logistic", "complement_nb"}
    regularisation : float
        Inverse strength C; larger follows the training data more closely.
    balanced : bool
        Whether rare labels weigh more, so that each label counts alike.
    cross_task : tuple of str
        The tasks whose calibrated probabilities also look at the scores of the other tasks.
    """

    kind: str = "svm"
    regularisation: float = 0.3
    balanced: bool = False
    cross_task: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfidenceConfig:
    """How confidence is set.

    Parameters
    ----------
    promised_error : float
        Largest share of wrong labels among ``auto`` (0 to 1).
    bound : float
        Confidence of the finite-sample bound on that share (Clopper and Pearson 1934).
    margin : float
        ``auto`` needs this much more probability than the second label has.
    review : float
        Below this confidence a person must look: the answer is likelier wrong than right.
    min_auto : dict of task to float
        Smallest ``auto`` threshold, where texts of the deployment are known to differ from the
        training data.
    precaution : dict of task to float
        Probability from which the highest level of an ordered task is answered, likeliest or not.
    flattening : dict of task to float
        Temperature by which log-odds are divided for the same reason (1 leaves them alone).
    priors : dict of task to dict of label to float
        Shares of the labels where the model will work; empty trusts those of the training data
        (Saerens, Latinne and Decaestecker 2002).
    """

    promised_error: float = 0.05
    bound: float = 0.9
    margin: float = 0.2
    review: float = 0.45
    min_auto: dict[str, float] = field(default_factory=dict)
    precaution: dict[str, float] = field(default_factory=dict)
    flattening: dict[str, float] = field(default_factory=dict)
    priors: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """All of it. A version can be made again from this and its data."""

    engine: Engine = "rjieba"
    user_words: tuple[str, ...] = ()
    n_folds: int = 5
    seed: int = 0
    features: FeatureConfig = field(default_factory=FeatureConfig)
    heads: HeadConfig = field(default_factory=HeadConfig)
    confidence: ConfidenceConfig = field(default_factory=ConfidenceConfig)

    @classmethod
    def from_file(cls, path: Path | None = None) -> Self:
        """Read a configuration; None reads the one for labels of one's own.

        Raises
        ------
        ConfigError
            If the file has a key or a value that is not allowed.

        Examples
        --------
        >>> TrainConfig.from_file().engine
        'rjieba'
        """
        source = path or resources.files("training") / "plain.toml"
        try:
            data = tomllib.loads(source.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
        name = str(path or "plain.toml")
        parts: dict[str, Any] = {
            "features": FeatureConfig,
            "heads": HeadConfig,
            "confidence": ConfidenceConfig,
        }
        values: dict[str, Any] = _checked(cls, data, name)
        for key, part in parts.items():
            if key in values:
                fields_of_part = _checked(part, values[key], f"{name} [{key}]")
                if "cross_task" in fields_of_part:
                    fields_of_part["cross_task"] = tuple(fields_of_part["cross_task"])
                values[key] = part(**fields_of_part)
        values["user_words"] = tuple(values.get("user_words", ()))
        config = cls(**values)
        if config.engine not in ENGINES or config.heads.kind not in HEADS:
            raise ConfigError(
                f"{name}: engine {config.engine!r}, heads.kind {config.heads.kind!r}: expected one "
                f"of {', '.join(ENGINES)} and one of {', '.join(HEADS)}"
            )
        return config

    def to_json(self) -> dict[str, Any]:
        """Give plain values for the manifest."""
        return asdict(self)


def _checked(cls: type, values: dict[str, Any], where: str) -> dict[str, Any]:
    known = [f.name for f in fields(cls)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(
            f"{where}: unknown key {', '.join(unknown)}: expected some of {', '.join(known)}"
        )
    return dict(values)
