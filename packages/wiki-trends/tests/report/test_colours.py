"""Colours of the design tokens: contrast of texts, and states that colour-blind readers can tell apart."""

import itertools
import re

import numpy as np
import pytest

from wiki_trends.report.assets import asset
from wiki_trends.report.calendar import KINDS

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, A Physiologically-based Model for Simulation of Color Vision
# Deficiency, IEEE TVCG 15(6), 2009: severity 1.0, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# In CIELAB a difference of about 2.3 is just noticeable; marks of some pixels need a good deal more.
CLEAR = 20


def tokens(scheme):
    colours = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", asset("base.css"))
    return {name: {"light": light, "dark": dark}[scheme] for name, light, dark in colours}


def linear(colour):
    channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        rgb, 0, 1
    )
    scaled = xyz / np.array([0.9505, 1.0, 1.089])
    root = np.where(scaled > 216 / 24389, np.cbrt(scaled), (24389 / 27 * scaled + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def contrast(first, other):
    bright, dark = sorted(
        (float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (first, other)), reverse=True
    )
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_states_can_be_told_apart_by_colour(scheme, sight):
    colours = tokens(scheme)
    seen = {kind: lab(np.array(SIGHTS[sight]) @ linear(colours[f"state-{kind}"])) for kind in KINDS}
    near = {
        f"{first} and {other}": round(float(np.linalg.norm(seen[first] - seen[other])), 1)
        for first, other in itertools.combinations(seen, 2)
    }
    assert {pair: distance for pair, distance in near.items() if distance < CLEAR} == {}


def test_states_can_be_told_apart_by_shape():
    from importlib.resources import files

    svg = files("wiki_trends.report").joinpath("templates/marks.svg").read_text(encoding="utf-8")
    shapes = dict(re.findall(r'<symbol id="mark-([\w-]+)"[^>]*>(.*?)</symbol>', svg))
    assert set(shapes) == set(KINDS)
    assert len(set(shapes.values())) == len(KINDS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_marks_have_contrast(scheme):
    colours = tokens(scheme)
    grounds = [colours["paper"], colours["surface"]]
    texts = ["ink", "muted", "accent", "up", "down", *(f"category-{number}" for number in range(1, 9))]
    marks = [f"state-{kind}" for kind in KINDS if kind not in ("lag", "waived")]
    low = {
        name: round(min(contrast(colours[name], ground) for ground in grounds), 2) for name in texts + marks
    }
    assert {name: ratio for name, ratio in low.items() if ratio < (4.5 if name in texts else 2.4)} == {}
    assert contrast(colours["warn-ink"], colours["warn-paper"]) >= 4.5
