"""Codes of many numbers in the plane: by their two main axes (PCA), or so that neighbours stay neighbours (t-SNE)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float32]
MOST = 1500  # codes that t-SNE places within seconds


def plane(codes: NDArray[np.floating], second: NDArray[np.floating], before: Places | None) -> tuple[Places, float]:
    """Codes (N, d) as places (N, 2), and the share of their spread that the plane shows.

    Of two numbers they are the code itself; one number has `second` beside it; more are seen along the two directions
    in which they differ most. Those directions may swap and turn over from one moment to the next: they are turned so
    that the places lie as near as can be to where they were `before` (Schönemann 1966).
    """
    codes = np.nan_to_num(np.asarray(codes, np.float32))
    if codes.shape[1] == 2:
        return codes, 1.0
    if codes.shape[1] < 2:
        return np.column_stack([codes.reshape(len(second), -1)[:, :1], second]).astype(np.float32), 1.0
    places, kept = main_axes(codes)
    if before is not None and before.shape == places.shape:
        left, _, right = np.linalg.svd(places.T @ (before - before.mean(axis=0)))
        places = (places @ left @ right).astype(np.float32)
    return places, kept


def main_axes(codes: NDArray[np.floating]) -> tuple[Places, float]:
    """The two directions in which codes differ most, and the share of their spread that lies in them."""
    from sklearn.decomposition import PCA

    count = min(2, *codes.shape)
    if len(codes) < 2 or not float(np.ptp(codes, axis=0).max()):
        return np.zeros((len(codes), 2), np.float32), 0.0
    axes = PCA(count, svd_solver="covariance_eigh" if codes.shape[1] <= 500 else "randomized", random_state=0)
    places = axes.fit_transform(codes.astype(np.float64))
    return _two(places), float(axes.explained_variance_ratio_.sum())


def warm_up() -> None:
    """Load what the first maps need: a second, better spent before a run begins than in its first looks."""
    codes = np.random.default_rng(0).normal(size=(200, 60)).astype(np.float32)
    places, _ = plane(codes, codes[:, 0], None)
    plane(codes, codes[:, 0], places)


def neighbours(codes: NDArray[np.floating], seed: int = 0) -> Places:
    """Places at which codes that are alike lie side by side; distances across the map mean nothing (van der Maaten and
    Hinton 2008)."""
    from sklearn.manifold import TSNE

    if len(codes) < 4 or codes.shape[1] < 2 or not float(np.ptp(codes, axis=0).max()):
        return main_axes(codes)[0]
    perplexity = min(30.0, (len(codes) - 1) / 3)
    return _two(TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(codes.astype(np.float32)))


def _two(places: NDArray[np.floating]) -> Places:
    wide = np.zeros((len(places), 2), np.float32)
    wide[:, : places.shape[1]] = places
    return wide
