# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""One run of the generation module: compare, write or roll back, report.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Run
from ansible_collections.mailfleet.mta.plugins.module_utils._generation import (
    RefusedError,
    changes,
    diff,
    seal,
    summary,
    unpack,
    wanted,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_store import Content, Store
from ansible_collections.mailfleet.mta.plugins.module_utils._systemd import Systemd

Result = dict[str, Any]


def generation(root: str, params: Mapping[str, Any], dry: bool, with_diff: bool, run: Run) -> Result:
    """Do what the options ask for; ``dry`` computes the same result and writes nothing."""
    store = Store(f"{root}/{params['name']}")
    with nullcontext() if dry else store.lock():
        if params["absent"]:
            result = _remove(store, dry)
        else:
            result = _rollback(store, params, dry) if params["rollback"] else _converge(store, params, dry, run)
    before, after = result.pop("_before"), result.pop("_after")
    if with_diff:
        result["diff"] = diff(str(store.live), before.tree, after.tree, params["secret"])
    result["inactive_units"] = Systemd(run).inactive(params["units"])
    return result


def _converge(store: Store, params: Mapping[str, Any], dry: bool, run: Run) -> Result:
    before = store.read(store.current())
    tree = wanted(unpack(params["tree"]), params["owners"], params["secret"])
    after = Content(tree, params["links"], params["units"])
    unknown = sorted(set(after.links.values()) - {path.rstrip("/") for path in after.tree})
    if unknown:
        raise RefusedError(f"links: the tree has no {unknown[0]}. Name a file or directory of the tree.")
    rewrite = bool(changes(before.tree, after.tree)) or before.links != after.links
    relink = store.wrong_links(after)
    previous = store.current()
    result = _report(store, before, after, params["confirm"])
    result["changed"] = bool(rewrite or relink or result["changed_files"])
    if not dry:
        if rewrite:
            store.write(after, params["check"], run, result["changed_files"] if params["confirm"] else [])
            store.prune(params["keep"])
        elif relink:
            store.relink(after)
    return {**result, "generation": store.current(), "previous": previous if rewrite else store.previous()}


def in_order(root: str, run: Run) -> dict[str, dict[str, str | None]]:
    """The configurations on this host that are whole and in service, by their names: nothing differs from what was
    written, every link is right, the services know it and its units are active."""
    stores = {path.parent.name: Store(str(path.parent)) for path in sorted(Path(root).glob("*/live"))}
    contents = {name: content for name, store in stores.items() if (content := _settled(store))}
    inactive = set(Systemd(run).inactive(sorted({unit for content in contents.values() for unit in content.units})))
    return {
        name: {
            "seal": seal(content.tree, content.links, content.units),
            "generation": stores[name].current(),
            "previous": stores[name].previous(),
        }
        for name, content in contents.items()
        if not inactive & set(content.units)
    }


def _settled(store: Store) -> Content | None:
    """What is live, if nothing is left to do about it; what is wrong with it is said by the task that writes it."""
    try:
        content = store.read(store.current())
        return None if store.pending() or store.wrong_links(content) else content
    except (OSError, RefusedError):
        return None


def _rollback(store: Store, params: Mapping[str, Any], dry: bool) -> Result:
    # Who confirms generations goes back to the last one that worked, and stays if the live one did.
    current, previous = store.current(), store.good() if params["confirm"] else store.previous()
    before = store.read(current)
    after = store.read(previous) if previous else before
    result = _report(store, before, after, params["confirm"])
    if previous and not dry:
        store.swap(previous, result["changed_files"] if params["confirm"] else [])
    return {**result, "changed": previous is not None, "generation": store.current(), "previous": current}


def _remove(store: Store, dry: bool) -> Result:
    before = store.read(store.current())
    result = {
        "changed": store.current() is not None,
        "changed_files": [],
        "removed_files": sorted(before.tree),
        "summary": [f"unlink {path}" for path in sorted(before.links)],
        "generation": None,
        "previous": store.current(),
        "_before": before,
        "_after": Content(),
    }
    if not dry:
        store.remove()
    return result


def _report(store: Store, before: Content, after: Content, confirm: bool) -> Result:
    difference = changes(before.tree, after.tree)
    pending = store.pending() if confirm else []
    lines = summary(difference)
    lines += [f"tell the services about {path} (an earlier run ended too soon)" for path in pending]
    lines += [f"link {path} -> {after.links[path]}" for path in store.wrong_links(after)]
    lines += [f"unlink {path}" for path in sorted(before.links.keys() - after.links.keys())]
    return {
        "changed_files": sorted({*difference.written, *pending}),
        "removed_files": difference.gone,
        "summary": lines,
        "_before": before,
        "_after": after,
    }
