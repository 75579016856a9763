"""Registries find their classes by themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from builder.registry import discover


class Base:
    """The base class of the toy registry."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An empty package to which the tests add modules."""
    name = "toy_registry"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(
        sys.modules, "toy_base", sys.modules[__name__] if __name__ in sys.modules else ModuleType("toy_base")
    )
    sys.modules["toy_base"].Base = Base  # type: ignore[attr-defined]
    module = ModuleType(name)
    module.__path__ = [str(folder)]
    monkeypatch.setitem(sys.modules, name, module)
    return module


def write(package: ModuleType, file: str, text: str) -> None:
    (Path(package.__path__[0]) / f"{file}.py").write_text("from toy_base import Base\n\n" + text)


def names(package: ModuleType) -> list[str]:
    for module in [name for name in sys.modules if name.startswith("toy_registry.")]:
        del sys.modules[module]
    return list(discover(package, Base, lambda kind: kind.__name__))


def test_a_new_file_is_found_in_the_order_of_files_and_lines(package: ModuleType) -> None:
    assert names(package) == []
    write(package, "second", "class B(Base): ...\n\nclass A(Base): ...\n")
    write(package, "first", "class Z(Base): ...\n\nclass _Hidden(Base): ...\n\nclass Other: ...\n")
    assert names(package) == ["Z", "B", "A"]


def test_imported_and_abstract_classes_do_not_count(package: ModuleType) -> None:
    write(package, "first", "class Z(Base): ...\n")
    write(package, "second", "from toy_registry.first import Z\n\nclass Y(Z): ...\n")
    assert names(package) == ["Z", "Y"]


def test_two_classes_of_one_name_are_refused(package: ModuleType) -> None:
    write(package, "first", "class Z(Base): ...\n")
    write(package, "second", "class Z(Base): ...\n")
    with pytest.raises(ValueError, match="are both called 'Z'"):
        names(package)
