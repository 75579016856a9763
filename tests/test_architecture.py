"""The rules of the code base: who may import whom and when, where names of layers, paradigms and tasks may stand, and
how large a folder, a file and a function may be."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

import builder
from trainers.paradigms import PARADIGMS
from trainers.tasks import TASKS

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ("builder", "trainers", "pages")
MOST_LINES, MOST_FUNCTION_LINES, MOST_FILES, MOST_LATE_IMPORTS = 450, 50, 15, 40
# A module of ours may be imported inside a function if importing it imports one of these, which take long.
SLOW = ("torch", "torchmetrics", "pandas", "plotly", "sklearn", "onnx", "onnxscript", "onnxruntime", "PIL", "scipy")
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
    assert any(place.endswith(" Conv2d") for place in layer_names(ROOT / "tests/builder/compile/test_compile.py"))


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Every string in a file that is not a docstring, with its line."""
    module = tree(path)
    prose = docstrings(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose:
            yield node.lineno, node.value


def test_no_paradigm_and_no_task_is_named_in_general_code() -> None:
    """General code asks the entry. Only a data set names its task, and a paradigm the tasks that it learns."""
    theirs = (
        "trainers/paradigms/",
        "trainers/tasks/",
        "trainers/data/sets/",
        "trainers/migrate.py",
        "pages/parts/paradigms/",
    )
    names = set(PARADIGMS) | set(TASKS)
    found = [
        f"{name(path)}:{line} {text}"
        for path in [*files("trainers", "pages"), ROOT / "app.py"]
        if not name(path).startswith(theirs)
        for line, text in strings(path)
        if text in names
    ]
    assert not found, "\n".join(found)


# -- imports --------------------------------------------------------------------------------------------------------


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def imported() -> tuple[dict[str, set[str]], dict[str, set[tuple[int, str]]]]:
    """Of every module: what it imports when it is imported, and what inside its functions (line, module).

    Imports for type checking alone are left out. A library is given by the name of its top package.
    """
    ours = {module_name(path): path for path in files(*ENGINE)}
    at_once: dict[str, set[str]] = {}
    late: dict[str, set[tuple[int, str]]] = {}
    for module, path in ours.items():
        at_once[module], late[module] = set(), set()
        whole = tree(path)
        inside = {
            inner
            for node in ast.walk(whole)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for inner in ast.walk(node)
        }
        for_types = {
            inner
            for node in ast.walk(whole)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for inner in ast.walk(node)
        }
        for node in ast.walk(whole):
            if not isinstance(node, ast.Import | ast.ImportFrom) or node in for_types:
                continue
            wanted = [item.name for item in node.names]
            if isinstance(node, ast.ImportFrom):
                wanted = [f"{node.module}.{item}" for item in wanted]
            for full in wanted:
                known = full if full in ours else full.rpartition(".")[0] if isinstance(node, ast.ImportFrom) else full
                target = known if known in ours else full.partition(".")[0]
                if target == module:
                    continue
                if node in inside:
                    late[module].add((node.lineno, target))
                else:
                    at_once[module].add(target)
    return at_once, late


def test_there_is_no_circle_of_imports() -> None:
    """Not even one that an import inside a function would break."""
    at_once, late = imported()
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module, targets in at_once.items():
        graph.add_edges_from((module, target) for target in targets if target in at_once)
    for module, found in late.items():
        graph.add_edges_from((module, target) for _, target in found if target in at_once)
    circles = [sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1]
    assert not circles


def test_our_modules_are_imported_inside_functions_only_where_a_library_is_slow() -> None:
    at_once, late = imported()

    @functools.cache
    def is_slow(module: str) -> bool:
        """Whether importing a module imports a slow library."""
        reached, waiting = {module}, [module]
        while waiting:
            for target in at_once.get(waiting.pop(), ()):
                if target in SLOW:
                    return True
                if target not in reached:
                    reached.add(target)
                    waiting.append(target)
        return False

    found = {(module, line, target) for module, items in late.items() for line, target in items if target in at_once}
    needless = sorted(f"{module}:{line} {target}" for module, line, target in found if not is_slow(target))
    assert not needless, "\n".join(needless)
    assert len({(module, line) for module, line, _ in found}) <= MOST_LATE_IMPORTS


@pytest.mark.parametrize("folder", [*ENGINE, "benchmarks"])
def test_a_folder_has_about_a_dozen_files(folder: str) -> None:
    places = Counter(path.parent for path in files(folder) if "layers" not in path.parts)
    crowded = [f"{name(place)} {count}" for place, count in places.items() if count > MOST_FILES]
    assert not crowded, ", ".join(crowded)


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


@pytest.mark.parametrize("path", files(*ENGINE, "benchmarks"), ids=name)
def test_a_file_answers_one_question(path: Path) -> None:
    """Short enough to be read in one sitting, and named in its first line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES, f"{name(path)} has {len(lines)} lines"
    assert ast.get_docstring(tree(path)) or not lines, f"{name(path)} does not say what it is for"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_FUNCTION_LINES, f"{name(path)}: {node.name} has {length} lines"


def test_a_download_is_made_on_the_click() -> None:
    """The browser asks at once for a file that is ready; a user who has gone on by then finds an error in its place."""
    ready = [
        f"{name(path)}:{node.lineno}"
        for path in files("pages")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "download_button"
        if not isinstance(node.args[1], ast.Lambda | ast.Attribute)
    ]
    assert not ready, ready


def test_nothing_is_left_to_be_done() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "X" * 3)
    for path in [*files(*ENGINE, "tests"), ROOT / "app.py"]:
        if path == Path(__file__).resolve():
            continue
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in words), name(path)
