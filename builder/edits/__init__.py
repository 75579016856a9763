"""Edits: values that turn a document into a new one. Every edit has an inverse, so every edit can be undone.

An edit that cannot be applied raises EditError, and the document is unchanged.
"""

from builder.edits.as_json import from_json, to_json
from builder.edits.base import GAP_X, GAP_Y, Edit, Restore
from builder.edits.blocks import InBlock, RemoveBlock, RenameBlock
from builder.edits.fold import MakeBlock, Unpack
from builder.edits.nodes import (
    AddNode,
    Bypass,
    ChangeType,
    Connect,
    Disconnect,
    InsertAfter,
    InsertBefore,
    Move,
    RemoveNodes,
    RenameNode,
    SetNetwork,
    SetParams,
    SetText,
    SetTraining,
    Together,
    apply_all,
    fresh_name,
)

__all__ = [
    "GAP_X",
    "GAP_Y",
    "AddNode",
    "Bypass",
    "ChangeType",
    "Connect",
    "Disconnect",
    "Edit",
    "InBlock",
    "InsertAfter",
    "InsertBefore",
    "MakeBlock",
    "Move",
    "RemoveBlock",
    "RemoveNodes",
    "RenameBlock",
    "RenameNode",
    "Restore",
    "SetNetwork",
    "SetParams",
    "SetText",
    "SetTraining",
    "Together",
    "Unpack",
    "apply_all",
    "fresh_name",
    "from_json",
    "to_json",
]
