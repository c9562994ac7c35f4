# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Render a role's tree of templates to a tree of texts. Pure: text and plain data in, text out.

This plugin util is PRIVATE to the collection.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError

MANAGED = "Managed by mailfleet.mta: changes here are replaced by the next run."

_WORD = re.compile(r"\{([a-z_]+)\}")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]*")


class RenderError(Exception):
    """One sentence that names the template, the line and the cause."""


def plain(value: Any, path: str = "vars") -> Any:
    """Copy Ansible's tagged data to plain Python, which Jinja prints without any of Ansible's templating."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            raise RenderError(f"{path} still holds a template ({value[:60]!r}). Write the value itself there.")
        return "".join(value)  # an exact str, whatever subclass came in
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {plain(key, path): plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, (Sequence, set, frozenset)):
        return [plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if type(value).__name__ == "EncryptedString":  # an inline vault value; str() decrypts it
        return str(value)
    raise RenderError(f"{path} is a {type(value).__name__}; templates take text, numbers, lists and mappings only.")


def lists(each: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The items of each word: a list, or the dotted name of a list in the context (which spares Ansible a copy)."""
    found: dict[str, list[dict[str, Any]]] = {}
    for word, value in each.items():
        items = value
        if isinstance(value, str):
            items = context
            for name in value.split("."):
                items = items.get(name) if isinstance(items, Mapping) else None
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise RenderError(f"each.{word} is no list of mappings. Give one, or its dotted name in `vars`.")
        found[word] = items
    return found


def render_tree(
    sources: Mapping[str, str], context: Mapping[str, Any], each: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, str]:
    """Render every source. A path with ``{word}`` is rendered once for each item of ``each[word]``.

    Names that begin with ``_`` are not printed: they exist to be included or imported.
    """
    environment = Environment(
        loader=FunctionLoader(lambda name: (sources[name], name, lambda: True) if name in sources else None),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # nosec: configuration files, not HTML
    )
    base = {"managed": MANAGED, **context}
    tree: dict[str, str] = {}
    for source in sorted(sources):
        if any(segment.startswith("_") for segment in source.split("/")):
            continue
        for target, extra in _targets(source, each):
            if target in tree:
                raise RenderError(f"{source} would write {target}, which another template already writes. Rename one.")
            tree[target] = _render(environment, sources, source, {**base, **extra})
    return tree


def _targets(source: str, each: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    words = sorted(set(_WORD.findall(source)))
    for word in words:
        if word not in each:
            raise RenderError(f"{source} is written once per {{{word}}}, but `each` has no list named {word}.")
    target = source[:-3] if source.endswith(".j2") else source
    for items in itertools.product(*(each[word] for word in words)):
        path = target
        for word, item in zip(words, items):
            path = path.replace(f"{{{word}}}", _segment(source, item))
        yield path, dict(zip(words, items))


def _segment(source: str, item: Mapping[str, Any]) -> str:
    name = str(item.get("name", ""))
    if not _SEGMENT.fullmatch(name):
        raise RenderError(f"{source}: {name!r} cannot be part of a file name. Use letters, digits and .:@+-_ only.")
    return name


def _render(environment: Environment, sources: Mapping[str, str], source: str, context: Mapping[str, Any]) -> str:
    if not source.endswith(".j2"):
        return sources[source]
    try:
        return environment.get_template(source).render(context)
    except TemplateSyntaxError as error:
        raise RenderError(f"{error.filename or source} line {error.lineno}: {error.message}.") from error
    except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError) as error:
        place = _place(error, sources) or source
        raise RenderError(f"{place}: {str(error).rstrip('.') or type(error).__name__}.") from error


def _place(error: BaseException, sources: Iterable[str]) -> str | None:
    """The innermost template line of the traceback (Jinja puts its own file names and lines there)."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in sources:
            found = f"{trace.tb_frame.f_code.co_filename} line {trace.tb_lineno}"
        trace = trace.tb_next
    return found
