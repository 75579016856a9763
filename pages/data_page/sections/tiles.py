"""Images of one's own, class by class, with how many there are of each."""

from __future__ import annotations

from typing import ClassVar

import streamlit as st

from pages.data_page.sections.base import SectionView
from pages.data_page.shown import Shown
from pages.parts.data import sample_images
from pages.parts.theme.escaping import escape
from trainers.data.own.kinds.images.report import Tile, Tiles

ON_A_PAGE = 12  # classes


class TilesView(SectionView):
    """A row of images for each class."""

    section: ClassVar[type[Tiles]] = Tiles

    def draw(self, shown: Shown, section: Tiles) -> None:
        more = section.classes - len(section.tiles)
        also = f" <small>the first {len(section.tiles)} of {section.classes:,} classes</small>" if more > 0 else ""
        st.html(f'<div class="nl-panel-title">{escape(section.title)}{also}</div>')
        tiles, pages = section.tiles, -(-len(section.tiles) // ON_A_PAGE)
        if pages > 1:
            page = int(st.number_input(f"Page of {pages}", 1, pages, key=f"tiles_page_{pages}"))
            tiles = tiles[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
        st.html("".join(map(_row, tiles)))


def _row(tile: Tile) -> str:
    captions = tile.captions or ("",) * len(tile.images)
    masks = tile.masks if tile.masks is not None else [None] * len(tile.images)
    made = [
        sample_images.figure([sample_images.image(sample_images.png(image.astype(float), 0, 255, mask))], caption)
        for image, caption, mask in zip(tile.images, captions, masks, strict=True)
    ]
    count = f"{tile.count:,} image{'' if tile.count == 1 else 's'}"
    head = f"<b>{escape(tile.label)}</b> {count}" if tile.label else count
    return f'<div class="nl-tiles"><div class="nl-tiles-head">{head}</div>{sample_images.figures(made)}</div>'
