"""How the service runs: one frozen object, made from the environment when the app is created."""

from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from triage.errors import ConfigError

Visit = Literal["phone", "chat", "letter", "visit"]

WatchedField = Literal["category", "product", "region", "unit"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Settings(BaseSettings):
    """Every setting of the service; the environment variable is ``TRIAGE_`` and the field's name.

    Examples
    --------
    >>> Settings(group_texts=10).group_texts
    10
    """

    model_config = SettingsConfigDict(env_prefix="TRIAGE_", extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on")
    registry: Path = Field(default=Path("var/registry"), description="Folder of the model versions")
    database_url: str = Field(
        default="sqlite:///var/triage.sqlite",
        description="Where complaints are kept: sqlite:///FILE or postgresql://USER@HOST/NAME",
    )
    pool_connections: int = Field(
        default=8, ge=2, le=100, description="Database connections of one process"
    )
    secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Key of the fingerprints of texts and customers, the same for all replicas; "
        "without it the file of `secret_file` is used",
    )
    secret_file: Path | None = Field(
        default=None,
        description="File that holds the secret; made when missing with SQLite "
        "[default: beside the SQLite file]",
    )
    authentication: Literal["keys", "none"] = Field(
        default="keys",
        description="`none` answers every caller from this machine, and is refused on an address "
        "that others can reach",
    )
    demo_key: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="A key with every role that lives as long as this process and is stored "
        "nowhere; refused on an address that others can reach",
    )
    key_cache_seconds: float = Field(
        default=2.0, ge=0, le=60, description="How long a revoked key may still be let in, seconds"
    )
    zone: str = Field(
        default="Asia/Shanghai", description="Time zone of times without an offset, IANA name"
    )
    max_text_chars: int = Field(
        default=20_000, ge=10, le=100_000, description="Longest complaint, characters"
    )
    max_body_bytes: int = Field(
        default=8 << 20, ge=1 << 10, le=1 << 28, description="Largest request body, bytes"
    )
    max_import_line_bytes: int = Field(
        default=1 << 20, ge=1 << 10, le=1 << 24, description="Longest line of an import, bytes"
    )
    body_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="Longest wait for the next piece of a request body, seconds",
    )
    requests_per_second: float = Field(
        default=200.0,
        ge=0,
        le=100_000,
        description="Requests per second of one key, over all replicas; 0 for no limit",
    )
    requests_burst: int = Field(
        default=2000, ge=1, le=1_000_000, description="Requests one key may make at once"
    )
    max_waiting: int = Field(
        default=2000, ge=1, le=1_000_000, description="Complaints that may wait to be stored"
    )
    group_texts: int = Field(
        default=64, ge=1, le=1000, description="Complaints stored in one transaction"
    )
    reload_seconds: float = Field(
        default=2.0, gt=0, le=3600, description="How often a new current model is looked for, s"
    )
    drain_seconds: float = Field(
        default=0.0,
        ge=0,
        le=300,
        description="Time between readiness going false and the end of listening, seconds",
    )
    channels: dict[str, Visit] = Field(
        default={
            "电话": "phone",
            "热线": "phone",
            "来电": "phone",
            "在线": "chat",
            "微信": "chat",
            "APP": "chat",
            "小程序": "chat",
            "网站": "chat",
            "来信": "letter",
            "信件": "letter",
            "邮件": "letter",
            "信访": "letter",
            "来访": "visit",
            "现场": "visit",
            "门店": "visit",
        },
        description="Which of phone, chat, letter, visit each of your channel names means (JSON)",
    )
    default_channel: Visit = Field(
        default="phone", description="What an unknown or missing channel means"
    )
    sector: str | None = Field(
        default=None, description="Sector of complaints that name none, for the deadlines"
    )
    region: str | None = Field(
        default=None, description="Region of complaints that name none, for the deadlines"
    )
    calendar_file: Path | None = Field(
        default=None, description="Own working days and days off (TOML)"
    )
    similar_cases: int = Field(
        default=3, ge=0, le=20, description="Similar resolved cases in an answer"
    )
    surges: bool = Field(
        default=True, description="Early warning of similar complaints that cluster, on or off"
    )
    surge_false_alerts_per_week: float = Field(
        default=0.1,
        gt=0,
        le=100,
        description="How many false alerts a week early warning may give; more find surges earlier",
    )
    surge_pairs: list[tuple[WatchedField, WatchedField]] = Field(
        default=[("category", "product"), ("category", "region")],
        max_length=6,
        description="Pairs of category, product, region, unit whose combinations are watched too "
        "(JSON)",
    )
    surge_max_values: int = Field(
        default=500,
        ge=10,
        le=5000,
        description="Values of a field that are watched one by one; those beyond share one count",
    )
    surge_snapshot_entries: int = Field(
        default=5000,
        ge=10,
        le=1_000_000,
        description="Complaints after which the state of early warning is kept anew",
    )
    notify_file: Path | None = Field(
        default=None,
        description="Who is told about surges: webhooks, chat robots, e-mail (TOML, see "
        "`examples/notify.toml`); the same for all replicas",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log entry that is written"
    )

    @field_validator("zone")
    @classmethod
    def _is_known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (OSError, ValueError) as error:
            raise ValueError(f"unknown time zone {name!r}: use an IANA name, Asia/Shanghai") from (
                error
            )
        return name

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return self.host in LOOPBACK

    @classmethod
    def read(cls, **values: object) -> Self:
        """Make the settings; a bad value is a `ConfigError` of one line.

        Raises
        ------
        ConfigError
            If a value of the environment, or of `values`, is outside its range.
        """
        try:
            return cls(**values)  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = "TRIAGE_" + "_".join(str(part) for part in first["loc"]).upper()
            raise ConfigError(f"setting {name}: {first['msg']}") from error
