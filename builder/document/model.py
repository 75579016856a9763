"""The document: one experiment as immutable data that is read from and written to JSON."""

from __future__ import annotations

import functools
import keyword
import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from builder.catalogue import CATALOGUE
from builder.document.json_values import json_value
from builder.document.lesson import AnyLesson
from builder.validation_messages import clip

if TYPE_CHECKING:
    from builder.spec import LayerSpec, Use

FORMAT = "netloom/2"
MAX_NODES = 10_000
MAIN = "main"  # the default network of a node; inside a block: the network that the block is used in
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

# Attributes of torch.nn.Module and torch.fx.GraphModule, and names that generated code uses itself: a node with such a
# name would overwrite it. tests/builder/document/test_names.py compares this list with torch's own.
RESERVED = frozenset(
    """
    T_destination _apply _backward_hooks _backward_pre_hooks _boxed_call _buffers _call_impl _code
    _compiled_call_impl _create_node_hooks _deepcopy_hooks _deepcopy_init _erase_node_hooks _forward_hooks
    _forward_hooks_always_called _forward_hooks_with_kwargs _forward_pre_hooks _forward_pre_hooks_with_kwargs
    _get_backward_hooks _get_backward_pre_hooks _get_name _graph _is_full_backward_hook _lineno_map
    _load_from_state_dict _load_state_dict_post_hooks _load_state_dict_pre_hooks _maybe_warn_non_full_backward_hook
    _modules _named_members _non_persistent_buffers_set _parameters _prologue_start _recompile_submodules
    _register_create_node_hook _register_deepcopy_hook _register_erase_node_hook _register_load_state_dict_pre_hook
    _register_replace_node_hook _register_state_dict_hook _replace_hooks _replicate_for_data_parallel
    _save_to_state_dict _set_replace_hook _slow_forward _state_dict_hooks _state_dict_pre_hooks _tracer_cls
    _tracer_extras _unregister_create_node_hook _unregister_deepcopy_hook _unregister_erase_node_hook
    _unregister_replace_node_hook _version _wrapped_call _wrapped_call_impl add_module add_submodule apply bfloat16
    buffers call_super_init card children code compile cpu cuda delete_all_unused_submodules delete_submodule double
    dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule graph half ipu
    load_state_dict meta modules mtia named_buffers named_children named_modules named_parameters nn parameters
    print_readable recompile register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ self set_extra_state set_submodule shape_env share_memory state_dict
    to to_empty to_folder torch train training type xpu zero_grad
    """.split()  # noqa: SIM905
)


Settings = Annotated[dict[str, Any], AfterValidator(json_value)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Node(_Frozen):
    """One layer on the canvas. `params` holds only what differs from the layer's defaults."""

    name: str
    type: str = Field(strict=True, max_length=64)
    params: Settings = Field(default_factory=dict)
    network: str = MAIN
    shares_weights_with: str | None = None

    @field_validator("name", "network", "shares_weights_with")
    @classmethod
    def _is_identifier(cls, value: str | None) -> str | None:
        complaint = name_complaint(value) if value is not None else None
        if complaint:
            raise ValueError(complaint)
        return value

    @functools.cached_property
    def spec(self) -> LayerSpec:
        """The node's layer with its parameters. KeyError: unknown type. ValidationError: wrong parameters."""
        return CATALOGUE[self.type].model_validate(self.params)

    @functools.cached_property
    def role(self) -> str:
        """The role of the node's type in a network; empty if the type is unknown."""
        return CATALOGUE[self.type].role if self.type in CATALOGUE else ""

    @functools.cached_property
    def use(self) -> Use | None:
        """The block that the node uses; None: it is a layer, or its parameters are wrong."""
        if self.role != "block":
            return None
        try:
            return self.spec.use()
        except ValueError:
            return None


class Edge(_Frozen):
    """A wire from one node's output to another node's input port."""

    source: str
    target: str
    port: str | None = None


Coordinate = Annotated[float, Field(ge=-1e7, le=1e7)]
Layout = dict[str, tuple[Coordinate, Coordinate]]


class Graph(_Frozen):
    """Nodes and the edges between them: what a document and a block have in common."""

    if TYPE_CHECKING:  # each subclass has these fields at its own place, in the order in which they are written
        nodes: tuple[Node, ...] = ()
        edges: tuple[Edge, ...] = ()

    @functools.cached_property
    def by_name(self) -> dict[str, Node]:
        """The nodes by their names."""
        return {node.name: node for node in self.nodes}

    @functools.cached_property
    def composites(self) -> dict[str, Use]:
        """The nodes that use a block, each with its use; those with wrong parameters are left out."""
        return {node.name: node.use for node in self.nodes if node.use is not None}


class Block(Graph):
    """A sub-graph that a node can use: the block's Inputs are the node's ports, its Output is the node's result."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    layout: Layout = Field(default_factory=dict)
    description: str = Field("", strict=True, max_length=10_000)

    @functools.cached_property
    def ports(self) -> tuple[str, ...]:
        """The names of its Input nodes: the ports of every node that uses it."""
        return tuple(node.name for node in self.nodes if node.role == "input")

    @functools.cached_property
    def results(self) -> tuple[str, ...]:
        """The names of its Output nodes; a valid block has one."""
        return tuple(node.name for node in self.nodes if node.role == "output")


class Document(Graph):
    """One experiment: the graph, its layout on the canvas, and the training settings."""

    format: str = FORMAT
    name: str = Field("Untitled network", strict=True, max_length=200)
    description: str = Field("", strict=True, max_length=10_000)
    lesson: AnyLesson = ""
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    blocks: dict[str, Block] = Field(default_factory=dict)
    layout: Layout = Field(default_factory=dict)
    training: Settings = Field(default_factory=dict)

    @property
    def lesson_text(self) -> str:
        """The lesson as Markdown, with its steps as a list."""
        return self.lesson if isinstance(self.lesson, str) else self.lesson.markdown

    @functools.cached_property
    def stems(self) -> frozenset[str]:
        """The names that end in a number, without the number: 'conv' for 'conv12'."""
        return frozenset(name.rstrip("0123456789") for name in self.by_name if name[-1].isdigit())

    def node(self, name: str) -> Node:
        """The node with that name. KeyError: there is none."""
        return self.by_name[name]

    def changed(self, **fields: Any) -> Document:
        """A copy with some fields replaced; unchanged parts are shared, not copied."""
        values = {name: getattr(self, name) for name in Document.model_fields}
        return Document.model_construct(**{**values, **fields})


def name_complaint(name: str) -> str | None:
    """Why a node cannot have that name, or None. A name becomes an attribute of the module and of generated code."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return (
            f"{clip(name)} cannot be a name: use letters, digits and _, not starting with a digit, "
            "64 characters at most."
        )
    if keyword.iskeyword(name):
        return f"{name!r} is a keyword of Python: choose another name."
    if name in RESERVED or name.startswith("__"):
        return (
            f"{name!r} is reserved, as an attribute of torch modules: choose another name, such as {name.strip('_')}_1."
        )
    return None
