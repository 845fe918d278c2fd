"""Imports run one way, so that the heavy parts can be exchanged and the statistics read on their own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "orchestration"
MIDDLE = ("disclosure", "quality", "release", "sources", "statistics", "synthetic")
# What every part may use: no package of its own, no step.
BELOW = (
    *("orchestration.settings", "orchestration.errors", "orchestration.quality_metrics", "orchestration.whole_file"),
    *(f"orchestration.{path.stem}" for path in sorted(PACKAGE.glob("settings_*.py"))),
)
MAY_IMPORT_DAGSTER = ("orchestration.definitions", "orchestration.defs")
PURE = ("orchestration.statistics", "orchestration.disclosure")
NOT_IN_PURE = ("dagster", "dagster_dbt", "dbt", "duckdb", "great_expectations")
HEAVY = ("altair", "great_expectations", "statsmodels", "vl_convert")


def modules() -> dict[str, Path]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return {
        ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths
    }


MODULES = modules()


def imports(path: Path, *, at_load: bool = False) -> Iterator[str]:
    """Modules that the file imports; with `at_load`, only those that importing it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    if at_load:
        for node in ast.walk(tree):
            only_types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            if only_types or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                skipped |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def lies_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("module", MODULES)
def test_only_definitions_and_defs_import_dagster(module: str) -> None:
    if not lies_in(module, MAY_IMPORT_DAGSTER):
        assert [name for name in imports(MODULES[module]) if lies_in(name, ("dagster", "dagster_dbt"))] == []


@pytest.mark.parametrize("module", [module for module in MODULES if lies_in(module, PURE)])
def test_statistics_and_disclosure_know_only_arrays_and_frames(module: str) -> None:
    assert [name for name in imports(MODULES[module]) if lies_in(name, NOT_IN_PURE)] == []


@pytest.mark.parametrize("part", MIDDLE)
def test_the_middle_packages_do_not_import_each_other_or_what_is_above(part: str) -> None:
    own = f"orchestration.{part}"
    found = {
        (module, name)
        for module, path in MODULES.items()
        if lies_in(module, (own,))
        for name in imports(path)
        if name.startswith("orchestration.") and not lies_in(name, (own, *BELOW))
    }
    assert found == set()


def test_settings_and_errors_import_nothing_above_them() -> None:
    found = {
        (module, name)
        for module in BELOW
        for name in imports(MODULES[module])
        if name.startswith("orchestration.") and not lies_in(name, BELOW)
    }
    assert found == set()


def test_defs_do_not_import_the_command_line_or_definitions() -> None:
    above = ("orchestration.cli", "orchestration.definitions")
    found = {
        (module, name)
        for module, path in MODULES.items()
        if lies_in(module, ("orchestration.defs",))
        for name in imports(path)
        if lies_in(name, above)
    }
    assert found == set()


@pytest.mark.parametrize("module", MODULES)
def test_nothing_private_of_another_package_is_imported(module: str) -> None:
    names = {name for name in imports(MODULES[module]) if not name.startswith("orchestration")}
    private = {name for name in names if any(part.startswith("_") for part in name.split(".") if part != "__future__")}
    assert private == set()


@pytest.mark.parametrize("module", MODULES)
def test_what_is_slow_to_import_is_imported_where_it_is_used(module: str) -> None:
    assert [name for name in imports(MODULES[module], at_load=True) if lies_in(name, HEAVY)] == []


@pytest.mark.parametrize("module", MODULES)
def test_only_settings_read_the_environment(module: str) -> None:
    # dbt reads its profile from the environment, so that one module sets it for the length of a command.
    if module not in ("orchestration.settings", "orchestration.defs.dbt_invoke"):
        tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert used & {"environ", "environb", "getenv", "putenv"} == set()


@pytest.mark.parametrize("module", MODULES)
def test_every_module_opens_with_what_belongs_there(module: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[module].read_text(encoding="utf-8")))


def test_the_entry_point_only_assembles() -> None:
    assert len(MODULES["orchestration.definitions"].read_text(encoding="utf-8").splitlines()) <= 60


def test_the_rules_see_an_import_inside_a_function(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("import a.b\ndef f():\n    from c import d\n", encoding="utf-8")
    assert set(imports(file)) == {"a.b", "c", "c.d"}
    assert set(imports(file, at_load=True)) == {"a.b"}
