"""Names at the top of modules: public functions and classes that stand in more than one, seen in the syntax trees."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set

from tests.support.imports import Rules, Sources

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def find_shared_names(sources: Sources) -> dict[str, list[str]]:
    """Return the modules of each public function or class that is defined at the top of two or more."""
    modules: dict[str, list[str]] = defaultdict(list)
    for path, text in sorted(sources.items()):
        for name in sorted({node.name for node in ast.parse(text, path).body if isinstance(node, DEFINITIONS)}):
            modules[name].append(path)
    return {name: paths for name, paths in modules.items() if len(paths) > 1 and not name.startswith("_")}


def find_ambiguous_names(sources: Sources, rules: Rules, shared: Mapping[str, Set[str]]) -> Iterator[str]:
    """Yield a sentence for each name that is defined twice, but in the rooms in which `shared` lets it be."""
    for name, paths in sorted(find_shared_names(sources).items()):
        if not {rules.find_room(path) for path in paths} <= shared.get(name, set()):
            yield f"{name} is defined in {' and in '.join(paths)}"
