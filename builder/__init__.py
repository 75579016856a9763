"""The engine: documents, layers, shapes, problems, modules, code. It does not depend on training, data or pages.

    document = builder.load("lenet.json")
    builder.check(document)                  # a list of problems
    model = builder.compile(document)        # a torch.nn.Module
    print(builder.to_python(document))       # readable code of the same network

Importing this package does not import torch, so that the first page appears quickly. All modules are imported here at
once: a later first import of `builder.compile`, for example, would replace the function of this name by the module.
"""

from __future__ import annotations

from builder.analysis.infer import infer
from builder.analysis.summary import summary
from builder.catalogue import CATALOGUE
from builder.checks import check
from builder.codegen import to_python
from builder.compile import compile
from builder.document import Block, Document, Edge, Node, dump, load
from builder.document.templates import template, templates
from builder.edits import apply_all
from builder.exports.export import export
from builder.exports.formats import EXPORTS
from builder.problems import (
    DocumentError,
    EditError,
    ExportError,
    GraphError,
    NetloomError,
    NodeError,
    Problem,
)

__all__ = [
    "CATALOGUE",
    "EXPORTS",
    "Block",
    "Document",
    "DocumentError",
    "Edge",
    "EditError",
    "ExportError",
    "GraphError",
    "NetloomError",
    "Node",
    "NodeError",
    "Problem",
    "apply_all",
    "check",
    "compile",
    "dump",
    "export",
    "infer",
    "load",
    "summary",
    "template",
    "templates",
    "to_python",
]
