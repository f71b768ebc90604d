import pytest
from pydantic import ValidationError

from api.app import create_app
from api.settings import Settings
from triage.errors import ConfigError


def test_every_setting_is_described():
    assert all(field.description for field in Settings.model_fields.values())


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Settings(max_txt_chars=5)


def test_a_value_outside_its_range_names_the_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRIAGE_PORT", "70000")
    with pytest.raises(ConfigError, match=r"TRIAGE_PORT: .*less than or equal to 65535"):
        Settings.read()


def test_secrets_are_not_printed():
    assert "geheimnis" not in repr(Settings(secret="geheimnis-geheimnis"))


@pytest.mark.parametrize("values", [{"authentication": "none"}, {"demo_key": "x" * 20}])
def test_a_public_address_needs_real_keys(values: dict):
    with pytest.raises(ConfigError, match="can be reached by others"):
        create_app(Settings(host="0.0.0.0", **values))
