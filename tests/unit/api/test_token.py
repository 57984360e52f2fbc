"""The token: made once, kept closed, compared whole."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from mould_watch.api.token import is_token, load_token
from mould_watch.errors import SettingsError


def test_a_token_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    token = load_token(folder, None)
    assert len(token.get_secret_value()) >= 43
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert load_token(folder, None) == token
    assert [entry.name for entry in folder.iterdir()] == ["token"]
    assert token.get_secret_value() not in repr(token)


def test_the_token_set_by_the_user_counts_and_makes_no_file(tmp_path: Path) -> None:
    assert load_token(tmp_path, SecretStr("mine")) == SecretStr("mine")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_token_is_none(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    token = load_token(tmp_path, SecretStr(""))
    assert token.get_secret_value()
    assert load_token(tmp_path, None) == token


def test_a_file_open_to_others_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("kept\n")
    path.chmod(0o644)
    assert load_token(tmp_path, None) == SecretStr("kept")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_many_first_starts_at_once_agree_on_one_token(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as executor:
        tokens = set(executor.map(lambda _: load_token(tmp_path, None), range(32)))
    assert len(tokens) == 1


def test_a_folder_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="token cannot be kept"):
        load_token(tmp_path / "file", None)


def test_only_the_whole_token_is_the_token() -> None:
    token = SecretStr("abc-ü")
    assert is_token("abc-ü", token)
    for offered in ("", "abc-", "abc-üü", "ABC-Ü"):
        assert not is_token(offered, token)
