"""The engine: documents, layers, shapes, problems, modules, code. Knows nothing of training, data or pages.

    document = builder.load("lenet.json")
    builder.check(document)                  # problems, in words
    model = builder.compile(document)        # a torch.nn.Module
    print(builder.to_python(document))       # the code a person would have written

No module here imports torch when it is imported itself, so that the first page stands quickly. All of them are imported
here at once: a later first import of `builder.compile`, say, would put the module in the place of the function.
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
    "CATALOGUE", "Block", "Document", "DocumentError", "Edge", "EditError", "ExportError", "GraphError", "NetloomError",
    "Node", "NodeError", "Problem", "apply_all", "check", "compile", "dump", "export", "infer", "load", "summary",
    "template", "templates", "to_python",
]  # fmt: skip
