"""Settings: precedence, every fault at once, secrets masked."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from outlay_infra.settings import Settings, SettingsError, documented, is_loopback, masked


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OUTLAY_CONFIG", "OUTLAY_DATA", "OUTLAY_STORE", "OUTLAY_STORE_FILE", "OUTLAY_HTTP__PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data-home"))


def test_defaults_serve_this_machine_from_the_users_data_folder(tmp_path: Path) -> None:
    settings = Settings.load()
    assert (settings.http.host, settings.http.port, settings.http.loopback) == ("127.0.0.1", 8321, True)
    assert settings.data == tmp_path / "data-home" / "outlay"
    assert settings.dsn.startswith(f"chdb://{settings.data}/")


def test_arguments_beat_environment_beats_secret_file_beats_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = tmp_path / "outlay.toml"
    toml.write_text('org = "toml"\ndatabase = "toml"\n[http]\nport = 1\nhost = "::1"\n')
    secret = tmp_path / "store"
    secret.write_text("clickhouse://u:from-file@db:8123\n")
    monkeypatch.setenv("OUTLAY_HTTP__PORT", "2")
    monkeypatch.setenv("OUTLAY_STORE_FILE", str(secret))
    settings = Settings.load(toml, org="argument")
    assert (settings.org, settings.database) == ("argument", "toml")
    assert (settings.http.port, settings.http.host) == (2, "::1")
    assert settings.dsn == "clickhouse://u:from-file@db:8123"


def test_the_environment_can_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = tmp_path / "outlay.toml"
    toml.write_text('org = "from-file"\n')
    monkeypatch.setenv("OUTLAY_CONFIG", str(toml))
    assert Settings.load().org == "from-file"


def test_every_fault_is_told_at_once_by_both_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = tmp_path / "outlay.toml"
    toml.write_text('orgg = "x"\n[intake]\nevents = 0\nfoo = 1\n')
    monkeypatch.setenv("OUTLAY_HTTP__PORT", "99999")
    with pytest.raises(SettingsError) as error:
        Settings.load(toml)
    text = str(error.value)
    assert text.startswith("4 setting(s) need correction:")
    for name in ("orgg", "intake.events", "intake.foo", "http.port (OUTLAY_HTTP__PORT)"):
        assert name in text


def test_a_fault_never_repeats_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTLAY_STORE", "postgres://u:hunter2@db")
    with pytest.raises(SettingsError, match=r"store \(OUTLAY_STORE\)") as error:
        Settings.load()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("content", ["not toml", "= =", "\x00"])
def test_a_broken_file_is_one_clear_error(tmp_path: Path, content: str) -> None:
    toml = tmp_path / "outlay.toml"
    toml.write_text(content)
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.load(toml)


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        Settings.load(tmp_path / "absent.toml")
    monkeypatch.setenv("OUTLAY_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        Settings.load()
    monkeypatch.delenv("OUTLAY_CONFIG")
    monkeypatch.setenv("OUTLAY_STORE_FILE", str(tmp_path / "no-secret"))
    with pytest.raises(SettingsError, match="no-secret"):
        Settings.load()


def test_settings_are_frozen() -> None:
    settings = Settings.load()
    with pytest.raises(ValidationError):
        settings.org = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.http.port = 1  # type: ignore[misc]


def test_shown_settings_hide_the_password() -> None:
    settings = Settings.load(store="clickhouse://admin:p@ss:word@db:8123")
    assert settings.shown()["store"] == "clickhouse://admin:***@db:8123"
    assert "ss:word" not in repr(settings)


@pytest.mark.parametrize(
    "url", ["registry:8081", "ftp://registry", "http://", *(f"http://ann:{one}s3cret@registry" for one in "/?#[")]
)
def test_a_registry_is_a_url_and_its_password_never_shows(url: str) -> None:
    with pytest.raises(SettingsError, match=r"kafka\.registry .*write https://") as told:
        Settings.load(kafka={"registry": url})
    assert "s3cret" not in str(told.value)
    Settings.load(kafka={"registry": "https://ann:%2Fs3cret@registry/apis/ccompat/v7"})


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("chdb:///data", "chdb:///data"),
        ("clickhouse://db:8123", "clickhouse://db:8123"),
        ("clickhouse://u:p@db", "clickhouse://u:***@db"),
        ("text before clickhouse://u:a/b@db after", "text before clickhouse://u:***@db after"),
    ],
)
def test_masked(dsn: str, shown: str) -> None:
    assert masked(dsn) == shown


@pytest.mark.parametrize(("host", "own"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True)])
def test_loopback_hosts(host: str, own: bool) -> None:
    assert is_loopback(host) is own


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "", "127.0.0.1.example.com"])
def test_hosts_others_can_reach(host: str) -> None:
    assert not is_loopback(host)


def test_every_setting_is_documented() -> None:
    undocumented = [name for name, text in documented().items() if not text]
    assert undocumented == []


def test_the_brokers_password_comes_from_a_file_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    monkeypatch.setenv("OUTLAY_KAFKA__SECURITY", "sasl_ssl")
    monkeypatch.setenv("OUTLAY_KAFKA__SASL_USER", "outlay")
    monkeypatch.setenv("OUTLAY_KAFKA__SASL_PASSWORD_FILE", str(secret))
    settings = Settings.load()
    assert settings.kafka.sasl_password is not None
    assert settings.kafka.sasl_password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings.shown())


def test_a_secured_broker_needs_its_credentials_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTLAY_KAFKA__SECURITY", "sasl_ssl")
    with pytest.raises(SettingsError, match=r"kafka \(OUTLAY_KAFKA\).*needs sasl_user and sasl_password"):
        Settings.load()
    monkeypatch.setenv("OUTLAY_KAFKA__SECURITY", "ssl")
    monkeypatch.setenv("OUTLAY_KAFKA__SSL_CERT", "client.pem")
    with pytest.raises(SettingsError, match="ssl_cert and ssl_key belong together"):
        Settings.load()


@pytest.mark.parametrize("bootstrap", ["broker", "kafka://broker:9092", "a:1,", "a:1 b:2", ""])
def test_a_bootstrap_that_is_no_list_of_hosts_and_ports_is_refused(
    bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTLAY_KAFKA__BOOTSTRAP", bootstrap)
    with pytest.raises(SettingsError, match=r"kafka\.bootstrap"):
        Settings.load()


@pytest.mark.parametrize("bootstrap", ["broker-1.example.com:9092", "a:1,b:2,10.0.0.1:3", "[::1]:9092,a:1"])
def test_brokers_are_named_by_host_and_port(bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTLAY_KAFKA__BOOTSTRAP", bootstrap)
    assert Settings.load().kafka.bootstrap == bootstrap
