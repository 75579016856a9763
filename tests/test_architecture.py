"""The house rules: who may import whom, where a layer's name may stand, how long a file and a function may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import builder

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ("builder", "trainers", "pages")
MOST_LINES, MOST_FUNCTION_LINES = 300, 50
# Also words of everyday code: they stand for something else there (a role, a message, a class of ours).
FREE = {"Input", "Output", "Block", "Parameter"}


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (item.name for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{item.name}" for item in node.names)


def docstrings(module: ast.Module) -> set[ast.Constant]:
    """The string constants that are docstrings: prose may name a layer."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(first.value)
    return found


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [("builder", ("streamlit", "trainers", "pages", "app")), ("trainers", ("streamlit", "pages", "app"))],
)
def test_data_goes_one_way(folder: str, forbidden: tuple[str, ...]) -> None:
    for path in files(folder):
        wrong = {item for item in imports(path) if item.split(".")[0] in forbidden}
        assert not wrong, f"{name(path)} imports {', '.join(sorted(wrong))}"


def layer_names(path: Path) -> Iterator[str]:
    """Where a layer's type name stands as a whole string, or as an identifier that is not torch's, in a file."""
    module = tree(path)
    prose = docstrings(module)
    layers = set(builder.CATALOGUE) - FREE
    for node in ast.walk(module):
        found = None
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose:
            found = node.value if node.value in layers else None
        elif isinstance(node, ast.Name):
            found = node.id if node.id in layers else None
        elif isinstance(node, ast.Attribute):
            found = node.attr if node.attr in layers else None
        elif isinstance(node, ast.alias):
            found = node.name if node.name.rpartition(".")[2] in layers else None
        elif isinstance(node, ast.ClassDef):
            found = node.name if node.name in layers else None
        if found:
            yield f"{name(path)}:{getattr(node, 'lineno', '?')} {found}"


def test_no_layer_is_named_outside_its_own_file() -> None:
    theirs = ("builder/layers/", "builder/library/")  # the entries, and the modules of those that torch does not have
    engine = [path for path in [*files(*ENGINE), ROOT / "app.py"] if not name(path).startswith(theirs)]
    found = [place for path in engine for place in layer_names(path)]
    assert not found, "\n".join(found)


def test_the_rule_about_names_finds_them_where_they_stand() -> None:
    assert any(place.endswith(" Conv2d") for place in layer_names(ROOT / "builder/layers/convolution.py"))
    assert any(place.endswith(" Conv2d") for place in layer_names(ROOT / "tests/builder/test_compile.py"))


@pytest.mark.parametrize("package", ["builder", "trainers"])
@pytest.mark.parametrize("heavy", ["torch", "streamlit", "pandas", "sklearn", "torchmetrics", "onnx"])
def test_importing_a_package_imports_nothing_heavy(package: str, heavy: str, loaded: dict[str, set[str]]) -> None:
    """The first page stands within seconds, so heavy packages are imported where they are used."""
    assert heavy not in loaded[package]


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """The modules that a fresh interpreter holds after importing each package."""
    code = "import sys, {0}; print(' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    found = {}
    for package in ("builder", "trainers"):
        command = [sys.executable, "-c", code.format(package)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
        found[package] = set(result.stdout.split())
    return found


@pytest.mark.parametrize("path", files(*ENGINE), ids=name)
def test_a_file_answers_one_question(path: Path) -> None:
    """Short enough to be read in one sitting, and named in its first line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES, f"{name(path)} has {len(lines)} lines"
    assert ast.get_docstring(tree(path)) or not lines, f"{name(path)} does not say what it is for"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_FUNCTION_LINES, f"{name(path)}: {node.name} has {length} lines"


def test_nothing_is_left_to_be_done() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "X" * 3)
    for path in [*files(*ENGINE, "tests"), ROOT / "app.py"]:
        if path == Path(__file__).resolve():
            continue
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in words), name(path)
