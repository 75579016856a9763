"""The inspector of a block: folded, as one node on the canvas, and from inside, when nothing is selected there."""

from __future__ import annotations

import streamlit as st

import builder
from builder.analysis.summary import human
from builder.document import Block, Node
from builder.edits import InBlock, SetParams, SetText
from builder.shapes import show as show_shape
from builder.spec import Use
from pages.parts.document import block_actions, block_path
from pages.parts.document.session import Session, key_for, widget
from pages.parts.inspector.node_facts import heading
from pages.parts.theme import theme
from pages.parts.theme.escaping import escape, markdown

LISTED = 60


def head(session: Session, node: Node) -> None:
    """The node's name with the block that it stands for, and what that is for."""
    use = node.use
    layer = builder.CATALOGUE[node.type]
    tag = node.type if use is None else f"{use.block} × {use.repeat:,}" if use.repeat > 1 else use.block
    heading(node.name, tag, theme.family_colour(layer.family))
    block = session.document.blocks.get(use.block) if use else None
    if block is None:
        st.markdown(f":red[There is no block {markdown(use.block if use else '?')} in this document.]")
    else:
        st.caption(markdown(block.description) or layer.sentence())


def body(session: Session, node: Node) -> None:
    """How often it is repeated, which block it is, and what is inside."""
    use = node.use
    if use is None:
        return
    _open(session, node, use)
    left, right = st.columns([2, 3], gap="small")
    with left:
        _repeat(session, node, use)
    with right:
        _which(session, node, use)
    block = session.document.blocks.get(use.block)
    if block is not None:
        _inside(session, node, use, block)


def buttons(session: Session, node: Node) -> None:
    """Take it apart, or give this use a block of its own."""
    use = node.use
    if use is None or use.block not in session.document.blocks:
        return
    count = len(block_path.uses(session.document, use.block))
    if count > 1:
        st.html(f'<div class="nl-note">Edited once, changes all {count} uses of <b>{escape(use.block)}</b>.</div>')
    left, right = st.columns(2, gap="small")
    left.button(
        "Unpack", icon=":material/unarchive:", key="unpack", width="stretch", help="Put its nodes back on the canvas",
        on_click=block_actions.unpack, args=(session, node.name),
    )  # fmt: skip
    right.button(
        "Make its own", icon=":material/call_split:", key="make_own", width="stretch", disabled=count < 2,
        help="Copy the block, so that this use can differ from the others" if count > 1 else "It is the only use",
        on_click=block_actions.make_own, args=(session, node.name),
    )  # fmt: skip


def _open(session: Session, node: Node, use: Use) -> None:
    st.button(
        "Open", icon=":material/open_in_full:", key="open_block", width="stretch", type="primary",
        disabled=use.block not in session.document.blocks, help="Double click on the canvas; Esc comes back",
        on_click=block_actions.open_block, args=(session, node.name, _looked_at(node)),
    )  # fmt: skip


def _repeat(session: Session, node: Node, use: Use) -> None:
    key = key_for(session, f"repeat.{node.name}", use.repeat)

    def changed() -> None:
        wanted = widget(key)
        if isinstance(wanted, int) and wanted != use.repeat:
            params = {name: value for name, value in node.params.items() if name != "repeat"}
            more = {"repeat": wanted} if wanted > 1 else {}
            session.edit(SetParams(node.name, {**params, **more}), f"Repeat {node.name} {wanted} times")

    st.number_input(
        "repeat", 1, 10_000, use.repeat, key=key, on_change=changed,
        help="How many of them stand one behind the other, each with weights of its own.",
    )  # fmt: skip


def _which(session: Session, node: Node, use: Use) -> None:
    here = block_path.block_at(session.document, session.place)
    names = [name for name in session.document.blocks if here not in block_path.within(session.document, name)]
    key = key_for(session, f"block.{node.name}", use.block)

    def changed() -> None:
        if widget(key) not in (None, use.block):
            block_actions.take_block(session, node.name, str(widget(key)))

    st.selectbox(
        "block", names, names.index(use.block) if use.block in names else None, key=key, on_change=changed,
        help="Which block of this document it stands for.",
    )  # fmt: skip


def _looked_at(node: Node) -> int:
    """The repeat that the list shows."""
    chosen = widget(f"inside_of.{node.name}")
    return chosen if isinstance(chosen, int) and node.use and chosen < node.use.repeat else 0


def _inside(session: Session, node: Node, use: Use, block: Block) -> None:
    """The inner nodes with their shapes and parameters, as this use has them; each repeat where they differ."""
    prefix = f"{session.place.prefix}{node.name}."
    facts, sums = session.view.facts, session.view.sums
    names = [item for item in block.nodes if item.role not in ("input", "output")]

    def rows(repeat: int) -> list[tuple[str, str, str, str]]:
        found = []
        for item in names:
            full = f"{prefix}{repeat}.{item.name}"
            known = facts.get(full)
            kind = item.type if item.use is None else f"{item.use.block} × {item.use.repeat}".removesuffix(" × 1")
            shape = show_shape(known.signal.shape) if known else ""
            found.append((item.name, kind, shape, human(sums[full].parameters) if full in sums else ""))
        return found

    first, last = rows(0), rows(use.repeat - 1)
    chosen = 0
    if use.repeat > 1 and first != last:
        chosen = st.selectbox(
            "inside of", range(use.repeat), key=f"inside_of.{node.name}",
            format_func=lambda number: f"repeat {number + 1} of {use.repeat}",
        ) or 0  # fmt: skip
    st.html(_table(first if chosen == 0 else rows(chosen), names))


def _table(rows: list[tuple[str, str, str, str]], nodes: list[Node]) -> str:
    lines = []
    for (name, kind, shape, parameters), node in zip(rows[:LISTED], nodes, strict=False):
        layer = builder.CATALOGUE.get(node.type)
        colour = theme.family_colour(layer.family if layer else "data")
        lines.append(
            f'<div style="--tag:{colour}"><b>{escape(name)}</b><i>{escape(kind)}</i>'
            f"<span>{shape}</span><span>{parameters}</span></div>"
        )
    more = f'<div class="nl-more">and {len(rows) - LISTED} more</div>' if len(rows) > LISTED else ""
    return f'<div class="nl-inside">{"".join(lines)}{more}</div>'


# ---- from inside ------------------------------------------------------------------------------------------------


def inside(session: Session) -> None:
    """The block that is open, with nothing in it selected: its name, its ports, its uses, what this use costs."""
    level = list(block_path.along(session.document, session.place))[-1]
    name = level.use.block
    block = session.document.blocks[name]
    heading(name, "block", theme.family_colour(_family()))
    used = block_path.uses(session.document, name)
    if len(used) > 1:
        st.html(f'<div class="nl-note">Edited once, changes all {len(used)} uses: {escape(_listed(used))}.</div>')
    elif level.use.repeat > 1:
        st.html(f'<div class="nl-note">Edited once, changes all {level.use.repeat:,} repeats.</div>')
    _name(session, name)
    _description(session, name, block)
    _totals(session, block)


def _family() -> str:
    return next(layer.family for layer in builder.CATALOGUE.values() if layer.role == "block")


def _listed(names: list[str], most: int = 6) -> str:
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


def _totals(session: Session, block: Block) -> None:
    cost = session.view.sums.get(str(session.place))
    facts = session.view.facts
    prefix = session.place.prefix

    def shape(name: str) -> str:
        return show_shape(facts[prefix + name].signal.shape) if prefix + name in facts else "?"

    rows = [(f"port {port}", shape(port)) for port in block.ports]
    rows += [("result", shape(result)) for result in block.results]
    rows += [
        ("parameters", f"{cost.parameters:,}" if cost else "?"),
        ("FLOPs for one sample", human(cost.flops) if cost else "?"),
        ("nodes", f"{len(block.nodes):,}"),
    ]
    cells = "".join(f"<div><span>{escape(label)}</span><b>{value}</b></div>" for label, value in rows)
    steps = session.place.steps
    st.html(
        f'<div class="nl-heading"><span class="nl-title">This use: {escape(steps[-1][0])}</span></div>'
        f'<div class="nl-table">{cells}</div>'
    )


def _name(session: Session, name: str) -> None:
    key = f"block_name.{name}"
    draft = session.drafts.get(key)
    showing = draft[0] if draft else name
    held = key_for(session, key, showing)

    def renamed() -> None:
        typed = str(widget(held)).strip()
        if typed == showing or name not in session.document.blocks:
            return
        complaint = block_actions.rename(session, name, typed)
        if complaint:
            session.drafts[key] = (typed, complaint)

    st.text_input("block name", showing, key=held, on_change=renamed, max_chars=64, help="The class in generated code.")
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")


def _description(session: Session, name: str, block: Block) -> None:
    held = key_for(session, f"block_description.{name}", block.description)

    def changed() -> None:
        typed = str(widget(held)).strip()
        if typed != block.description and name in session.document.blocks:
            session.apply(InBlock(name, SetText("description", typed)), f"Describe the block {name}")

    st.text_area(
        "description", block.description, key=held, on_change=changed, max_chars=10_000, height=76,
        help="Shown where the block is folded, and in the generated code.",
    )  # fmt: skip
