"""The document: nodes, edges, blocks and training settings as frozen data, read from and written as JSON."""

from builder.document.files import dump, load
from builder.document.model import FORMAT, MAIN, Block, Document, Edge, Graph, Node

__all__ = ["FORMAT", "MAIN", "Block", "Document", "Edge", "Graph", "Node", "dump", "load"]
