"""The house rules that a program can check. Each check takes sources and returns what is wrong with them.

tests/test_tidy.py runs them over this repository, and over small bad sources to show that each can fail.
"""

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import pykka

PACKAGES = ("daemon", "actors", "protocol", "config")

PURE_ACTOR_FILES = frozenset(
    {
        "machine.py",
        "policy.py",
        "view.py",
        "events.py",
        "permissions.py",
        "orders.py",
        "facts.py",
        "state.py",
        "changes.py",
        "naming.py",
        "proactive.py",
        "transfer.py",
        "outbox.py",
        "window.py",
        "conference.py",
        "endings.py",
        "labels.py",
        "returning.py",
        "styles.py",
        "waiting.py",
        "books.py",
        "decisions.py",
        "limits.py",
        "lines.py",
        "matching.py",
        "order.py",
        "picking.py",
        "pools.py",
        "questioning.py",
        "audit.py",
        "figures.py",
        "handover.py",
        "shadow.py",
        "withdrawal.py",
        "requirements.py",
        "explanation.py",
        "roster.py",
        "masking.py",
        "numerals.py",
        "sensitive.py",
        "wording.py",
        "content.py",
        "media.py",
    }
)
PURE_PROTOCOL_FILES = frozenset({"session.py", "codec.py", "messages.py"})
# No clock, chance, socket, store, thread or log can be reached from here: time, ids and chance are arguments.
PURE_MAY_IMPORT = frozenset(
    {
        "__future__",
        "abc",
        "array",
        "bisect",
        "collections",
        "dataclasses",
        "enum",
        "functools",
        "hashlib",
        "heapq",
    }
    | {"itertools", "math", "msgpack", "msgspec", "operator", "re", "string", "struct", "types", "typing"}
    | {"unicodedata"}
)
# Modules of ours that a pure file imports are held to the same list, and so on down; only config, which is
# values by then, is trusted.
PURE_OWN = frozenset({"actors", "protocol"})
PURE_LEAF = "config"

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500

SCHEDULED = "actors/scheduled.py"
# Names that any class may have are left out.
PYKKA_PRIVATE = {name for name in dir(pykka.Actor) if re.match("_[a-z]", name)} - {"_abc_impl", "_stop"}

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\s*\(?#\d+)")


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root of the repository, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text, self.path)

    @property
    def module(self) -> str:
        """The name under which others import it."""
        name = ".".join(PurePosixPath(self.path).with_suffix("").parts)
        return name.removesuffix(".__init__")


@dataclass(frozen=True)
class Import:
    """One name that a source imports: `module` alone, or `name` from `module`."""

    line: int
    module: str
    name: str | None = None

    @property
    def could_be(self) -> tuple[str, ...]:
        """The modules that this may be an import of; `from a import b` may mean the module a.b."""
        return (self.module,) if self.name is None else (f"{self.module}.{self.name}", self.module)


def sources_under(root: Path, folders: Iterable[str]) -> list[Source]:
    """Read every Python file in the folders."""
    paths = (path for folder in folders for path in sorted((root / folder).rglob("*.py")))
    return [Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def problem(source: Source, line: int, rule: str) -> str:
    """Say where a rule is broken, in the form that editors can follow."""
    return f"{source.path}:{line}: {rule}"


def only_for_types(node: ast.AST) -> bool:
    """Say whether this is an `if TYPE_CHECKING:`, whose imports do not happen."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree and leave out what only a type checker reads."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and only_for_types(child):
            for other in child.orelse:
                yield other
                yield from nodes_that_run(other)
        else:
            yield child
            yield from nodes_that_run(child)


def imports_of(source: Source, *, types_too: bool = False) -> list[Import]:
    """List what a source imports, at its top or inside its functions."""
    found = []
    for node in ast.walk(source.tree) if types_too else nodes_that_run(source.tree):
        if isinstance(node, ast.Import):
            found += [Import(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found += [Import(node.lineno, module, alias.name) for alias in node.names]
    return found


def is_pure(path: str) -> bool:
    """Say whether the file's name makes it a pure one."""
    place = PurePosixPath(path)
    if place.parts[0] == "actors":
        return place.name in PURE_ACTOR_FILES
    return place.parent == PurePosixPath("protocol") and place.name in PURE_PROTOCOL_FILES


def pure_and_reached(sources: Iterable[Source]) -> dict[str, str]:
    """Map each module that must be pure to the pure file that makes it so: itself, or one that imports it."""
    by_module = {source.module: source for source in sources}
    because = {module: source.path for module, source in by_module.items() if is_pure(source.path)}
    waiting = list(because)
    while waiting:
        module = waiting.pop()
        for item in imports_of(by_module[module]):
            target = next((name for name in item.could_be if name in by_module), None)
            if target and target.partition(".")[0] in PURE_OWN and target not in because:
                because[target] = because[module]
                waiting.append(target)
    return because


def impure_imports(sources: Collection[Source]) -> list[str]:
    """Find what pure files import, themselves or through our own modules, that is not on the allow-list."""
    because = pure_and_reached(sources)
    allowed = PURE_MAY_IMPORT | PURE_OWN | {PURE_LEAF}
    return [
        problem(source, item.line, f"pure, because of {because[source.module]}: may not import {item.module}")
        for source in sources
        if source.module in because
        for item in imports_of(source)
        if item.module.partition(".")[0] not in allowed
    ]


def long_functions(source: Source) -> dict[str, str]:
    """Find the functions longer than one screen: name to problem."""
    rule = f"a function has at most {FUNCTION_LINES_MAX} lines"
    return {
        f"{source.path}:{node.name}": problem(source, node.lineno, f"{rule}: {node.name} has {lines}")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    }


def long_files(source: Source) -> dict[str, str]:
    """Find out whether the file is too long: path to problem."""
    lines = len(source.text.splitlines())
    rule = f"a file has at most {FILE_LINES_MAX} lines: this has {lines}"
    return {source.path: problem(source, lines, rule)} if lines > FILE_LINES_MAX else {}


def too_long(sources: Iterable[Source], excused: Mapping[str, str]) -> list[str]:
    """Find what is too long without an excuse, and the excuses that nothing needs any more."""
    found: dict[str, str] = {}
    for source in sources:
        found |= long_functions(source) | long_files(source)
    stale = [f"{name}:1: excused from a length it does not have" for name in excused if name not in found]
    return [text for name, text in found.items() if name not in excused] + stale


def foreign_pykka(source: Source) -> list[str]:
    """Find where a file other than the scheduler imports pykka or touches its private names."""
    if source.path == SCHEDULED:
        return []
    found = [
        problem(source, item.line, f"only {SCHEDULED} imports pykka")
        for item in imports_of(source, types_too=True)
        if item.module.partition(".")[0] == "pykka"
    ]
    for node in ast.walk(source.tree):
        name = getattr(node, "attr", None) or getattr(node, "name", None)
        if name in PYKKA_PRIVATE and isinstance(node, ast.Attribute | ast.FunctionDef):
            found.append(problem(source, node.lineno, f"only {SCHEDULED} touches pykka's private {name}"))
    return found


def sleeps(source: Source) -> list[str]:
    """Find sleeping; a test waits on an event, or moves a virtual clock."""
    rule = "a test does not sleep: wait on an event or move the clock"
    renamed = {
        alias.asname or alias.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in ("time", "asyncio")
    }
    calls = [
        problem(source, node.lineno, rule)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr == "sleep"
        if isinstance(node.value, ast.Name) and node.value.id in renamed
    ]
    return calls + [
        problem(source, item.line, rule)
        for item in imports_of(source)
        if item.module in ("time", "asyncio") and item.name == "sleep"
    ]


def unfinished(source: Source) -> list[str]:
    """Find comments that put work off without the number of an issue."""
    if UNFINISHED.search(source.text) is None:
        return []  # To take every file apart takes seconds, and hardly any has the word at all.
    return [
        problem(source, token.start[0], f"{match[1]} needs an issue number, as in {match[1]}(#12)")
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline)
        if token.type == tokenize.COMMENT and (match := UNFINISHED.search(token.string))
    ]


def is_entry(source: Source) -> bool:
    """Say whether the file is started from outside: a command, or run with `python -m`."""
    return "commands" in PurePosixPath(source.path).parts or any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in source.tree.body
    )


def unused_modules(sources: Collection[Source], excused: Mapping[str, str]) -> list[str]:
    """Find modules that no other module imports and nobody starts."""
    used = {
        name
        for source in sources
        for item in imports_of(source)
        for name in item.could_be
        if name != source.module
    }
    return [
        problem(source, 1, "nobody imports this module, and it is no entry point")
        for source in sources
        if PurePosixPath(source.path).name not in ("__init__.py", "__main__.py")
        if source.module not in used and not is_entry(source) and source.path not in excused
    ]


def relative_imports(source: Source) -> list[str]:
    """Find imports with leading dots."""
    return [
        problem(source, item.line, f"imports are absolute, not {item.module}")
        for item in imports_of(source, types_too=True)
        if item.module.startswith(".")
    ]


def borrowed_names(source: Source) -> set[str]:
    """List the names that a module has at its top only because it imports them."""
    found: set[str] = set()
    for node in source.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return found


def reexports(sources: Collection[Source]) -> list[str]:
    """Find imports of a name from a module of ours that has merely imported it."""
    by_module = {source.module: source for source in sources}
    return [
        problem(
            source, item.line, f"import {item.name} from the module that defines it, not from {item.module}"
        )
        for source in sources
        for item in imports_of(source, types_too=True)
        if item.name and item.module in by_module and f"{item.module}.{item.name}" not in by_module
        if item.name in borrowed_names(by_module[item.module])
    ]
