"""Settings: one table, three sources, one order."""

from pathlib import Path

import pytest

from campus.errors import UsageError
from campus.settings import Settings


def test_defaults_are_loopback_and_embedded():
    """Without any source the system listens on loopback only and needs no server."""
    settings = Settings.load(environ={})
    assert settings.address() == ("127.0.0.1", 8080)
    assert (settings.mqtt, settings.telemetry, settings.records) == ("auto", "duckdb", "sqlite")


def test_an_option_beats_the_environment_and_that_beats_the_file(tmp_path: Path):
    """The nearest source wins, setting by setting."""
    file = tmp_path / "campus.toml"
    file.write_text('http = "127.0.0.1:1"\ntz = "UTC"\nlanguage = "en"\n')
    settings = Settings.load(
        {"http": "127.0.0.1:3"}, environ={"CAMPUS_HTTP": "127.0.0.1:2", "CAMPUS_TZ": "Asia/Tokyo"}, file=file
    )
    assert (settings.http, settings.tz, settings.language) == ("127.0.0.1:3", "Asia/Tokyo", "en")


def test_the_file_can_be_named_by_the_environment(tmp_path: Path):
    """CAMPUS_CONFIG names the TOML file."""
    file = tmp_path / "campus.toml"
    file.write_text('data = "elsewhere"\n')
    assert Settings.load(environ={"CAMPUS_CONFIG": str(file)}).data == Path("elsewhere")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("htpp = '1'", "unknown setting 'htpp'"),
        ("http = 8080", "must be text"),
        ("http = ", "not valid TOML"),
        ("language = 'fr'", "choose vi or en"),
        ("http = 'nowhere'", "HOST:PORT"),
        ("http = '127.0.0.1:99999'", "HOST:PORT"),
        ("raw_days = 'a month'", "raw_days is 'a month': write a whole number"),
        ("raw_days = '-1'", "whole number"),
        ("mean_months = '1.5'", "mean_months is '1.5'"),
        ("mean_months = '99999'", "from 1 to 9999, or 0 to keep for ever"),
        ("raw_days = '\u0663'", "whole number"),
    ],
)
def test_a_bad_file_is_one_clear_sentence(tmp_path: Path, text: str, said: str):
    """What is wrong is named; nothing is guessed."""
    file = tmp_path / "campus.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        Settings.load(environ={}, file=file)


def test_how_long_readings_are_kept_is_a_whole_number():
    """Days and months come as text from each source; 0 keeps for ever."""
    settings = Settings.load({"raw_days": 7}, environ={"CAMPUS_MEAN_MONTHS": " 0 "})
    assert (settings.raw_days, settings.mean_months) == (7, 0)
    assert (Settings.load(environ={}).raw_days, Settings.load(environ={}).mean_months) == (30, 13)


def test_a_missing_file_is_named(tmp_path: Path):
    """A settings file that was asked for must be there."""
    with pytest.raises(UsageError, match=r"none\.toml"):
        Settings.load(environ={}, file=tmp_path / "none.toml")


def test_every_setting_has_help_and_is_documented():
    """The table is the documentation: each name stands in docs/settings.md with its default and help."""
    document = (Path(__file__).parents[1] / "docs" / "settings.md").read_text(encoding="utf-8")
    for name, default, help in Settings.table():
        assert help
        assert f"| `{name}` | `{default}` | {help} |" in document
