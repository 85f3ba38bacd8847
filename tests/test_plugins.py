"""Modules that SMCREP_PLUGINS names, or an installed package declares, are imported; a missing one is named."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import smcrep.plugins
from smcrep.plugins import load_plugins


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three that can be imported, and were not yet."""
    names = ["plugin_one", "plugin_two", "plugin_declared"]
    for name in names:
        (tmp_path / f"{name}.py").write_text("")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return names


def test_named_and_declared_modules_are_imported(modules: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def declared(*, group: str) -> list[EntryPoint]:
        return [EntryPoint("mine", "plugin_declared", group)] if group == "smcrep" else []

    monkeypatch.setattr(smcrep.plugins, "entry_points", declared)
    monkeypatch.setenv("SMCREP_PLUGINS", " plugin_one,, plugin_two ,")
    assert load_plugins() == modules
    assert set(modules) <= set(sys.modules)


def test_nothing_is_imported_where_nothing_is_named(modules: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smcrep.plugins, "entry_points", lambda *, group: [])
    monkeypatch.delenv("SMCREP_PLUGINS", raising=False)
    assert load_plugins() == []
    assert not set(modules) & set(sys.modules)


def test_a_module_that_is_missing_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMCREP_PLUGINS", "plugin_nowhere")
    with pytest.raises(
        ValueError, match=r"^SMCREP_PLUGINS: no module 'plugin_nowhere' .*put its folder into PYTHONPATH"
    ):
        load_plugins()
