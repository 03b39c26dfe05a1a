"""House rules that no linter knows. The last tests show that each of them can fail."""

import ast
import importlib
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from django.apps import apps
from django.db.models.fields.reverse_related import ForeignObjectRel

from config.api_errors import STATUS_BY_ERROR
from tests.classification import CLASSIFIED, PERSONAL, fields_of

ROOT = Path(__file__).parents[1]
APPS = ("deletion", "training", "privacy", "lineage", "audits")
FRAMEWORKS = {"django", "rest_framework", "celery"}
# Everything else is the core, and pure.
EDGES = {
    "models",
    "trail",
    "actions",
    "queries",
    "tasks",
    "admin",
    "apps",
    "api",
    "management",
    "migrations",
    "permissions",
}
NAMELESS = {"utils", "helpers", "common", "services", "core", "misc", "lib", "shared", "tools"}
# Methods that only rows, querysets and relations have.
WRITES = {
    "abulk_create",
    "acreate",
    "adelete",
    "asave",
    "aupdate",
    "bulk_create",
    "bulk_update",
    "create",
    "delete",
    "get_or_create",
    "save",
    "update_or_create",
}
WRITES_OF_RELATIONS = {"add", "clear", "remove", "set"}  # sets and dictionaries have them, too
SENDS = {"apply_async", "delay", "delay_on_commit", "send_task", "apply_async_on_commit"}
WRITING_SQL = re.compile(
    r"\s*(?:insert\s+into|update\s+\S+\s+set|delete\s+from|truncate|copy)\b", re.IGNORECASE
)
LONGEST_FILE = 400


def tracked() -> list[Path]:
    """Return the project's own files; in a copy without its history, all that are not made."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        return sorted(p for name in listed.stdout.split("\0") if (p := ROOT / name).is_file())
    made = {".venv", "var", "shots", "__pycache__"}
    return sorted(
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not {part for part in path.parts if part in made or "cache" in part}
    )


def modules(*folders: str) -> list[Path]:
    """Return the Python files of some folders, migrations apart."""
    return [
        path
        for path in tracked()
        if path.suffix == ".py"
        and (where := path.relative_to(ROOT).parts)[0] in (folders or APPS)
        and "migrations" not in where
    ]


def is_core(path: Path) -> bool:
    """Every module is pure unless it, or a folder that it is in, is an edge."""
    app, *names = path.relative_to(ROOT).with_suffix("").parts
    return not is_edge([app, *names])


def is_edge(names: list[str]) -> bool:
    """Say whether a dotted name leads into an edge; `pages` are one where they are a package."""
    return bool(EDGES & {*names[1:]}) or names[1:2] == ["pages"]


def is_named(path: Path, *names: str) -> bool:
    """Say whether a module, or a package that it is in, has one of these names."""
    return bool({path.stem, *path.relative_to(ROOT).parts[1:-1]} & {*names})


def may_send(path: Path) -> bool:
    """Say whether a module is Celery's door: `tasks.py`, or the front of a package `tasks`."""
    return path.name == "tasks.py" or path.parts[-2:] == ("tasks", "__init__.py")


def violations(
    rule: Callable[[str], list[int] | list[str]], paths: list[Path]
) -> dict[str, list[int] | list[str]]:
    """Return what a rule finds in which file."""
    found = {str(path.relative_to(ROOT)): rule(path.read_text()) for path in paths}
    return {name: lines for name, lines in found.items() if lines}


def calls_in(source: str) -> Iterator[tuple[ast.Call, str]]:
    """Return the calls of methods, with the method's name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node, node.func.attr


def is_write(call: ast.Call, name: str) -> bool:
    """Say whether a call of a method writes to the database.

    `x.update(y=1)` might be said of a dictionary, too: write `x |= {"y": 1}` there.
    """
    held = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    on_relation = isinstance(held, ast.Attribute) and held.attr in relations()
    return (
        name in WRITES
        or (name == "update" and bool(call.keywords) and not call.args)
        or (name in WRITES_OF_RELATIONS and on_relation)
    )


@cache
def relations() -> frozenset[str]:
    """Return what the models call the rows of others that they lead to."""
    led_to = [
        field
        for model in apps.get_models()
        if model._meta.app_label in APPS
        for field in model._meta.get_fields()
        if field.one_to_many or field.many_to_many
    ]
    return frozenset(
        (field.get_accessor_name() or "") if isinstance(field, ForeignObjectRel) else field.name
        for field in led_to
    )


def writes_in(source: str) -> list[int]:
    """Lines that write to the database: through a row, a queryset, a relation, or in SQL."""
    by_method = {call.lineno for call, name in calls_in(source) if is_write(call, name)}
    by_statement = {
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and WRITING_SQL.match(node.value)
    }
    return sorted(by_method | by_statement)


def sends_in(source: str) -> list[int]:
    """Lines that send a Celery task."""
    return sorted(call.lineno for call, name in calls_in(source) if name in SENDS)


def vague_locks_in(source: str) -> list[int]:
    """Lines that lock rows without saying whether their keys may change."""
    return sorted(
        call.lineno
        for call, name in calls_in(source)
        if name == "select_for_update" and "no_key" not in {word.arg for word in call.keywords}
    )


def impure_imports(source: str) -> list[str]:
    """Imports of a framework or of an edge module, also under TYPE_CHECKING."""
    names = [
        name
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module}.{alias.name}" for alias in node.names]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    return [
        name
        for name in names
        if (parts := name.split("."))[0] in FRAMEWORKS or (parts[0] in APPS and is_edge(parts))
    ]


def loose_values_in(source: str) -> list[int]:
    """Lines of dataclasses that can be changed, or filled by position."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            said = ast.unparse(decorator)
            if said.startswith("dataclass") and not all(
                f"{word}=True" in said for word in ("frozen", "kw_only")
            ):
                found.append(node.lineno)
    return found


def verbs_in(source: str) -> list[str]:
    """Methods of models that do something: a row is columns, constraints and `__str__`."""
    return [
        f"{row.name}.{part.name}"
        for row in ast.parse(source).body
        if isinstance(row, ast.ClassDef)
        for part in row.body
        if isinstance(part, ast.FunctionDef) and part.name != "__str__"
    ]


def odd_actions_in(source: str) -> list[str]:
    """Public actions whose parameters are not keyword-only, with `actor` and `now` at the end."""
    return [
        function.name
        for function in ast.parse(source).body
        if isinstance(function, ast.FunctionDef)
        and not function.name.startswith("_")
        and "audited(" in ast.unparse(function)
        and not _reads_like_an_action(function.args)
    ]


def _reads_like_an_action(parameters: ast.arguments) -> bool:
    words = [word.arg for word in parameters.kwonlyargs]
    return not parameters.args and (words[-2:] == ["actor", "now"] or words == ["now"])


def unexplained_in(source: str) -> list[int]:
    """Lines that silence a tool without a reason beside it."""
    silenced = re.compile(
        r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[\w, -]+\])?)\s*(.*)$"
    )
    return [
        number
        for number, line in enumerate(source.splitlines(), start=1)
        if (found := silenced.search(line)) and not found[1].startswith("#")
    ]


def addresses_in(source: str) -> list[int]:
    """Lines with the address of a package registry, or with a path of somebody's machine."""
    foreign = re.compile(
        r"pypi\.org|python[h]osted|--(?:extra-)?index-url|--[f]ind-links"
        r"|(?<![\w.])/(?:home|root|Users|work)/"
    )
    return [n for n, line in enumerate(source.splitlines(), start=1) if foreign.search(line)]


def test_only_actions_write():
    paths = [path for path in modules() if not is_named(path, "actions", "trail", "stores")]

    assert violations(writes_in, paths) == {}


def test_only_tasks_send_tasks():
    paths = [path for path in modules(*APPS, "config") if not may_send(path)]

    assert violations(sends_in, paths) == {}


def test_the_core_is_pure():
    paths = [path for path in modules() if is_core(path)]

    assert len(paths) > len(modules()) / 3  # control: the core is what the project consists of
    assert violations(impure_imports, paths) == {}


def test_values_of_the_core_do_not_change():
    paths = [path for path in modules() if is_core(path)]

    assert violations(loose_values_in, paths) == {}


def test_models_have_no_verbs():
    assert violations(verbs_in, [path for path in modules() if is_named(path, "models")]) == {}


def test_actions_say_who_and_when_last():
    assert violations(odd_actions_in, [p for p in modules() if is_named(p, "actions")]) == {}


def test_locks_say_whether_keys_may_change():
    assert violations(vague_locks_in, modules(*APPS, "config")) == {}


def test_every_silenced_tool_has_a_reason_beside_it():
    paths = modules(*APPS, "config", "tests", "scripts", "benchmarks")

    assert violations(unexplained_in, paths) == {}


def test_every_domain_error_has_an_http_status():
    declared = {
        error
        for path in modules()
        if path.name == "errors.py"
        for module in [".".join(path.relative_to(ROOT).with_suffix("").parts)]
        for error in vars(importlib.import_module(module)).values()
        if isinstance(error, type) and issubclass(error, Exception) and error.__module__ == module
    }

    assert declared == set(STATUS_BY_ERROR)
    assert all(error.__doc__ for error in declared)


def test_every_field_is_classified():
    found = {
        (model._meta.label, field.name)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
    }
    listed = Counter(
        (model, field)
        for model, kinds in CLASSIFIED.items()
        for fields in kinds.values()
        for field in fields.split()
    )

    assert set(listed) == found
    assert max(listed.values()) == 1


def test_the_trail_and_lineage_hold_nothing_personal():
    holders = {model for model, _ in fields_of(PERSONAL)}

    assert "deletion.RequestIdentifier" in holders
    assert not {model for model in holders if model.startswith(("lineage.", "training."))}
    assert not holders & {"audits.Leaf", "audits.OutboxEntry", "deletion.Certificate"}


def test_every_app_says_what_it_is_for():
    assert all((ast.get_docstring(ast.parse(paragraph(app))) or "").count(" ") > 15 for app in APPS)


def paragraph(app: str) -> str:
    return (ROOT / app / "__init__.py").read_text()


def test_no_file_has_a_name_that_says_nothing():
    assert [path for path in modules(*APPS, "config") if is_named(path, *NAMELESS)] == []


def test_no_file_is_too_long_to_read():
    paths = modules(*APPS, "config", "scripts", "benchmarks")
    lengths = {str(path): path.read_text().count("\n") for path in paths}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_nothing_names_a_registry_or_a_place_on_a_machine():
    text = {".py", ".md", ".toml", ".txt", ".json", ".html", ".css", ".js", ".svg", ""}

    assert violations(addresses_in, [path for path in tracked() if path.suffix in text]) == {}


def test_decisions_are_numbered_without_a_gap():
    pages = sorted((ROOT / "docs" / "decisions").glob("0*.md"))

    assert [page.name[:4] for page in pages] == [f"{n + 1:04}" for n in range(len(pages))]
    for page in pages:
        assert page.read_text().startswith(f"# {int(page.name[:4])}. "), page.name
        assert "gave up" in page.read_text(), page.name


def test_the_rules_about_imports_can_fail():
    assert impure_imports("from django.db import models") == ["django.db.models"]
    assert impure_imports("if TYPE_CHECKING:\n import celery") == ["celery"]
    assert impure_imports("from deletion import models") == ["deletion.models"]
    assert impure_imports("from lineage.queries import reach_of") == ["lineage.queries.reach_of"]
    assert impure_imports("from audits.pages.cells import badge") == ["audits.pages.cells.badge"]
    assert impure_imports("from lineage.stores.pages import read\nimport json") == []
    assert not is_core(ROOT / "deletion" / "actions" / "locks.py")
    assert is_core(ROOT / "lineage" / "stores" / "pages.py")


def test_the_rules_about_calls_can_fail():
    assert writes_in("r.save()\nM.objects.create(a=1)\nd.update(x)\ns.add(1)") == [1, 2]
    assert writes_in("rows.filter(a=1).update(b=2)\nrows.update(b=2)\nh.update(b'2')") == [1, 2]
    assert writes_in("run.fits.update(a=1)\nrun.fits.all().delete()\nfits.create()") == [
        1,
        2,
        3,
    ]
    assert writes_in("version.snapshots.set(x)\nself.strangers.add(x)\nover.set()") == [1]
    assert writes_in("c.execute('INSERT INTO x VALUES (1)')\ns = 'insert a coin'") == [1]
    assert sends_in("a()\nt.delay(1)") == [2]
    assert may_send(ROOT / "training" / "tasks" / "__init__.py")
    assert not may_send(ROOT / "training" / "tasks" / "steps.py")
    assert vague_locks_in("q.select_for_update()\nq.select_for_update(no_key=True)") == [1]


def test_the_rules_about_shapes_can_fail():
    assert loose_values_in("@dataclass(frozen=True)\nclass A: pass") == [2]
    assert loose_values_in("@dataclass(frozen=True, kw_only=True)\nclass A: pass") == []
    assert verbs_in("class A(Model):\n def save(self): ...\n def __str__(self): ...") == ["A.save"]
    assert odd_actions_in("def a(x, *, actor, now):\n audited()") == ["a"]
    assert odd_actions_in("def a(*, now, actor):\n audited()") == ["a"]
    assert odd_actions_in("def a(*, x, actor, now):\n audited()\ndef b(x): ...") == []


def test_the_rules_about_text_can_fail():
    silence = "# no" + "qa: X1"
    home = "/" + "home/somebody/x"
    assert unexplained_in(f"a  {silence}\nb  {silence}  # because") == [1]
    assert addresses_in(f"x\ny = '{home}'\nhttps://example.org/home/x") == [2]
    assert addresses_in("https://" + "py" + "pi.org/simple") == [1]
    assert is_named(ROOT / "deletion" / "utils.py", *NAMELESS)
    assert not is_named(ROOT / "deletion" / "planning.py", *NAMELESS)
