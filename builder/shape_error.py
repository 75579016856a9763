"""The exception of a layer that cannot take its inputs, and the fixes that it can suggest."""

from __future__ import annotations

from typing import Any, NamedTuple


class Insert(NamedTuple):
    """A layer to insert into the wire to one of a node's inputs: its type, its parameters, the number of the input."""

    type: str
    params: dict[str, Any]
    port: int = 0


class Larger(NamedTuple):
    """An input whose spatial axes must be larger, each by so much: the layer that enlarges them can do it."""

    port: int
    by: tuple[int, ...]


class Reorder(NamedTuple):
    """An order of axes that a layer needs: dims of torch.permute for its input, and whether its result goes back."""

    dims: tuple[int, ...]
    port: int = 0  # the number of the input, in the order of the layer's ports
    back: bool = False  # the layers behind it expect the order that its input had


class ShapeError(Exception):
    """A layer cannot take its inputs. The text is the sentence for the user.

    `insert` is a fix: a layer (type, params) to insert before the node. `params` is another: parameters to set.
    `reorder` is a third: the order of axes (dims of torch.permute) that an input needs. `replace` is a layer (type,
    params) for the place of the node. `inserts` are several layers, one after the other. `larger` is tried before them:
    parameters of a layer before the node.
    """

    def __init__(
        self,
        message: str,
        *,
        insert: tuple[str, dict[str, Any]] | None = None,
        params: dict[str, Any] | None = None,
        reorder: Reorder | None = None,
        replace: tuple[str, dict[str, Any]] | None = None,
        inserts: tuple[Insert, ...] = (),
        larger: Larger | None = None,
        short: str = "",
    ) -> None:
        super().__init__(message)
        self.insert = insert
        self.params = params
        self.reorder = reorder
        self.replace = replace
        self.inserts = inserts
        self.larger = larger
        self.short = short or message
