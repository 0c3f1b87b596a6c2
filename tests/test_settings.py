from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.errors import SettingsError, UsageError
from app.models import Profile
from app.settings import Settings, load, origin


@dataclass(frozen=True)
class Entry:
    key_variables: tuple[str, ...]
    base_variable: str
    bases: Mapping[str, str]
    default_region: str


CATALOGUE = {
    "codeer": Entry(("CODEER_API_KEY",), "CODEER_API_BASE", {"": "https://c.test/api/v1"}, ""),
    "qoder": Entry(
        ("QODER_ACCESS_TOKEN", "QODER_PAT"), "QODER_BASE", {"cn": "https://q.cn/api", "intl": "https://q.com/api"}, "cn"
    ),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir(mode=0o700)
    return tmp_path / "home" / "config.toml"


def read(file: Path, text: str = "", **environ: str) -> Settings:
    if text:
        file.write_text(text, encoding="utf-8")
    return load(CATALOGUE, environ, file)


def test_nothing_is_fine(file: Path) -> None:
    settings = read(file)
    assert (settings.profiles, settings.notices, settings.theme) == ((), (), "")
    assert not file.exists()


def test_everything_that_can_be_set(file: Path) -> None:
    settings = read(
        file,
        """
        [profiles.work]
        vendor = "codeer"
        base = "https://Own.test:8443/api/v1/"
        external_user_id = "me"
        regenerate_body = { x = 1 }
        [profiles.away]
        vendor = "qoder"
        region = "intl"
        environment = "env_1"
        [ui]
        theme = "dusk"
        [keymap]
        new = "ctrl+n, f2"
        stop = ["escape", "f9"]
        [notify]
        bell = true
        [tools.lookup]
        command = ["./lookup"]
        """,
    )
    work, away = settings.profiles
    assert work == Profile(
        "work", "codeer", "https://Own.test:8443/api/v1", "me", "", "https://own.test:8443", {"regenerate_body": {"x": 1}}
    )
    assert (away.base, away.environment, away.account) == ("https://q.com/api", "env_1", "https://q.com")
    assert (settings.theme, settings.keymap["stop"], settings.notify) == ("dusk", "escape,f9", {"bell": True})
    assert settings.tools == {"lookup": {"command": ["./lookup"]}}
    assert settings.profile("away") is away
    assert settings.profile("demo") is None


def test_a_key_variable_makes_a_profile_for_this_run(file: Path) -> None:
    stored = '[profiles.codeer]\nvendor = "codeer"\nexternal_user_id = "me"\n[profiles.work]\nvendor = "qoder"\n'
    settings = read(file, stored, CODEER_API_KEY=" k1 ", CODEER_API_BASE="http://127.0.0.1:9/api/v1", QODER_PAT="pt-2")
    assert [profile.name for profile in settings.profiles] == ["codeer", "qoder", "work"]
    made = settings.profiles[0]
    assert (made.base, made.external_user_id, made.account) == ("http://127.0.0.1:9/api/v1", "", "http://127.0.0.1:9")
    assert settings.environment_key("codeer") == "k1"
    assert settings.environment_key("qoder") == "pt-2"
    assert settings.environment_key("work") == ""
    assert settings.key_variable("qoder") == "QODER_PAT"
    assert settings.notices == (
        "CODEER_API_KEY is set: for this run the profile 'codeer' is made of it and hides the stored one.",
    )
    assert [profile.name for profile in settings.stored_profiles] == ["codeer", "work"]
    assert "pt-2" not in repr(settings)
    assert file.read_text() == stored


def test_the_first_variable_wins_and_empty_ones_do_not_count(file: Path) -> None:
    assert read(file, QODER_ACCESS_TOKEN="pt-1", QODER_PAT="pt-2").environment_key("qoder") == "pt-1"
    assert read(file, QODER_ACCESS_TOKEN=" ", QODER_PAT="pt-2").environment_key("qoder") == "pt-2"
    assert read(file, QODER_ACCESS_TOKEN="").profiles == ()


BAD_PROFILES = [
    ("[profiles.x]\n", "needs vendor"),
    ("[profiles.x]\nvendor = 'nobody'", "needs vendor"),
    ("[profiles.x]\nvendor = 7", "text on one line"),
    ("[profiles.x]\nvendor = 'codeer'\nexternal_user_id = ['a']", "external_user_id"),
    ("[profiles.x]\nvendor = 'codeer'\nenvironment = '''a\nb'''", "environment"),
    ("[profiles.x]\nvendor = 'codeer'\nregion = 'cn'", "unknown region"),
    ("[profiles.x]\nvendor = 'qoder'\nregion = 'mars'", "there are cn, intl"),
    ("[profiles.x]\nvendor = 'codeer'\nbase = 'http://api.test/api/v1'", "unprotected"),
    ("[profiles.x]\nvendor = 'codeer'\nbase = 'https://u:p@api.test/api/v1'", "user name"),
    ("[profiles.x]\nvendor = 'codeer'\nbase = 'api.test'", "https://host/path"),
    ("[profiles.x]\nvendor = 'codeer'\nbase = 'ftp://api.test'", "https://host/path"),
    ("[profiles.x]\nvendor = 'codeer'\nbase = 'https://a.test:99999/x'", "https://host/path"),
    ("[profiles.x]\nvendor = 'codeer'\nbase = 'https://a.test/x?y'", "no ?"),
    ("[profiles.x]\nvendor = 'codeer'\nbase = 'https://a test/x'", "https://host/path"),
    ("[profiles.x]\nvendor = 'codeer'\nbase = 'https://[::1'", "https://host/path"),
    ("[profiles.demo]\nvendor = 'codeer'", "demo's name"),
    ("[profiles.'a b']\nvendor = 'codeer'", "cannot be used"),
    ("[profiles]\nx = 3", "[profiles.x]"),
]


@pytest.mark.parametrize(("text", "words"), BAD_PROFILES)
def test_a_bad_profile_is_one_notice_and_the_others_work(file: Path, text: str, words: str) -> None:
    settings = read(file, f"{text}\n[profiles.good]\nvendor = 'codeer'\n")
    assert [profile.name for profile in settings.profiles] == ["good"]
    (name,) = settings.refused
    assert words in settings.refused[name] and settings.refused[name] in settings.notices[0]
    assert "\n" not in settings.notices[0] and len(settings.notices) == 1
    with pytest.raises(UsageError):
        settings.refuse_known(name)
    left = settings.remove_profile(name)
    assert left.refused == {} and [profile.name for profile in left.profiles] == ["good"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("profiles = 3", "[profiles]"),
        ("ui = 1", "[ui]"),
        ("[keymap]\nx = 3", "keymap 'x'"),
        ("[tools]\nx = 'y'", "[tools.x]"),
        ("[profiles", "not valid TOML"),
        ("x = " + "[" * 5000, "config.toml"),
        ("x = " + "9" * 5000, "config.toml"),
    ],
)
def test_every_other_bad_value_is_one_sentence(file: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(file, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("base", ["http://evil.test/api/v1", "https://u@evil.test/x", "nonsense", "https://\u202e"])
def test_a_bad_base_in_the_environment(file: Path, base: str) -> None:
    try:
        profile = read(file, CODEER_API_KEY="k", CODEER_API_BASE=base).profiles[0]
    except SettingsError as error:
        assert "CODEER_API_BASE" in str(error)
    else:
        assert profile.base == base


def test_files_that_cannot_be_read(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        read(file)
    file.write_bytes(b"#" * (5 * 1024 * 1024))
    with pytest.raises(SettingsError, match="larger"):
        read(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        read(file)
    file.rmdir()
    file.write_bytes(b"\xef\xbb\xbf[ui]\ntheme='x'")
    assert read(file).theme == "x"


def test_a_key_in_the_file_is_not_used(file: Path) -> None:
    settings = read(file, "[profiles.x]\nvendor='codeer'\napi_key='sk-secret'")
    assert "never read from a file" in settings.notices[0]
    assert "sk-secret" not in repr(settings)
    assert settings.profiles[0].options == {}


def test_adding_and_removing_keeps_comments(file: Path) -> None:
    text = "# mine\n[ui]\ntheme = 'dusk'  # best one\n\n[profiles.old] # first\nvendor = 'qoder'\n"
    settings = read(file, text)
    new = Profile("new", "codeer", "https://n.test/api/v1", external_user_id="me", options={"limit": 3})
    after = settings.add_profile(new)
    assert [profile.name for profile in after.stored_profiles] == ["old", "new"]
    assert after.profiles[1].options == {"limit": 3}
    written = file.read_text()
    assert "# mine" in written
    assert "# best one" in written
    assert "# first" in written
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["config.toml"]
    gone = after.remove_profile("new")
    assert [profile.name for profile in gone.profiles] == ["old"]
    assert file.read_text().strip() == text.strip()


def test_the_first_profile_makes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    settings = load(CATALOGUE, {}, file).add_profile(Profile("一", "codeer", "https://n.test/api/v1"))
    assert settings.profiles[0].name == "一"
    assert settings.with_option("ui", "theme", "dawn").theme == "dawn"
    assert settings.with_option("ui", "theme", None).theme == ""
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["demo", "demo-codeer", "demo-qoder", "", "a b", "-x", "x" * 65, "a/b", "old", "a\n"])
def test_names_that_are_refused(file: Path, name: str) -> None:
    settings = read(file, "[profiles.old]\nvendor='qoder'\n")
    with pytest.raises(UsageError):
        settings.add_profile(Profile(name, "codeer", "https://n.test"))
    assert len(read(file).profiles) == 1


def test_removing_what_is_not_there(file: Path) -> None:
    with pytest.raises(UsageError, match="no stored profile"):
        read(file, CODEER_API_KEY="k").remove_profile("codeer")


def test_a_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("[ui]\n")
    file.symlink_to(real)
    read(file).with_option("ui", "theme", "dusk")
    assert file.is_symlink()
    assert "dusk" in real.read_text()


def test_a_failed_write_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(file, "[ui]\ntheme = 'dusk'\n")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        settings.with_option("ui", "theme", "dawn")
    assert file.read_text() == "[ui]\ntheme = 'dusk'\n"
    assert [one.name for one in file.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    ("base", "found"),
    [
        ("https://API.test/api/v1", "https://api.test"),
        ("https://api.test:443/x", "https://api.test"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080/x", "http://[::1]:8080"),
        ("https://api.test:8443", "https://api.test:8443"),
    ],
)
def test_origin(base: str, found: str) -> None:
    from app.store import account_of

    assert origin(base) == found
    assert account_of(Profile("p", "codeer", base)) == ("p", found)


def test_no_origin() -> None:
    for base in ("nothing", "https://", "https://h:x/"):
        with pytest.raises(SettingsError):
            origin(base)
