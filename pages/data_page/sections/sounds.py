"""Recordings of one's own: some of each class to hear and to see."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import streamlit as st

from pages.data_page.sections.base import SectionView
from pages.data_page.shown import Shown
from pages.parts.data import sample_images
from pages.parts.theme.escaping import escape
from trainers.data.own.kinds.sound.report import SoundClass, Sounds

ON_A_PAGE = 6  # classes


class SoundsView(SectionView):
    """A player and a spectrogram for some recordings of each class."""

    section: ClassVar[type[Sounds]] = Sounds

    def draw(self, shown: Shown, section: Sounds) -> None:
        st.html(f'<div class="nl-panel-title">{escape(section.title)}</div>')
        classes, pages = section.classes, -(-len(section.classes) // ON_A_PAGE)
        first = 0
        if pages > 1:
            first = (int(st.number_input(f"Page of {pages}", 1, pages, key=f"sounds_page_{pages}")) - 1) * ON_A_PAGE
            classes = classes[first : first + ON_A_PAGE]
        for place, found in enumerate(classes, first):
            self._class(place, found, section.sample_rate)
        st.caption("Spectrograms: time from left to right, frequency from bottom to top, loud is bright.")

    def _class(self, place: int, found: SoundClass, rate: int) -> None:
        st.html(f'<div class="nl-label"><b>{escape(found.label)}</b> {found.count:,} recordings</div>')
        if not found.sounds:
            return
        for column, sound, seen in zip(st.columns(len(found.sounds)), found.sounds, found.spectrograms, strict=True):
            with column, st.container(gap="xsmall"):
                image = np.asarray(seen)[0] if np.ndim(seen) == 3 else np.asarray(seen)
                source = sample_images.spectrogram(image, float(image.min()), float(image.max()))
                st.html(f'<img class="nl-spectrogram" src="{source}" alt="spectrogram of {escape(found.label)}">')
                if len(sound):
                    st.audio(sound, sample_rate=rate)
