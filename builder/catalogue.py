"""The catalogue: every layer class by its type name. The classes are found in builder/layers; there is no list."""

from __future__ import annotations

import builder.layers
from builder.registry import did_you_mean, discover
from builder.spec import FAMILIES, LayerSpec, Role
from builder.synonyms import plain


def _discover_layers() -> dict[str, type[LayerSpec]]:
    found = discover(builder.layers, LayerSpec, lambda kind: kind.type_name())
    families = list(FAMILIES)
    return dict(sorted(found.items(), key=lambda item: families.index(item[1].family)))


CATALOGUE: dict[str, type[LayerSpec]] = _discover_layers()  # in the order of the palette


def instead_of(wrong: str) -> str:
    """What to write for a type that does not exist, as a sentence that begins with a space; empty: nobody knows."""
    word = plain(wrong).removesuffix("layer") or plain(wrong)
    own = [name for name in CATALOGUE if plain(name) in (plain(wrong), word)]
    if own:
        return f" Did you mean {own[0]}?"
    found = {
        kind: how
        for kind, spec in CATALOGUE.items()
        for name, how in spec.other_names().items()
        if plain(name).removesuffix("layer") == word or plain(name) == plain(wrong)
    }
    if not found:
        return did_you_mean(wrong, CATALOGUE)
    *kinds, last = found
    named = f"{', '.join(kinds)} or {last}" if kinds else last
    how = next((f", {text}" for text in found.values() if text), "")
    return f" Here it is called {named}{how}."


def type_that_reorders() -> str:
    """The name of the layer type that puts axes into another order."""
    return next(name for name, spec in CATALOGUE.items() if spec.reorders is not None)


def type_with_role(role: Role) -> str:
    """The name of the layer type with this role in a network: "input", "output" or "block"."""
    return next(name for name, spec in CATALOGUE.items() if spec.role == role)
