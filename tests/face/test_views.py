"""Every spot of a frame is looked at, and from close enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryon.face.views import CLOSEST, views

sides = st.integers(1, 5000)


def inside(view, x, y, margin):
    return (
        abs(x - view.x) + margin <= view.width / 2 + 1e-6
        and abs(y - view.y) + margin <= view.height / 2 + 1e-6
    )


@given(sides, sides, st.floats(0, 1), st.floats(0, 1))
def test_each_level_shows_every_face_of_half_its_side_whole(width, height, x, y):
    first, *closer = views(width, height)
    assert len(first) == 1
    assert first[0].width >= max(width, height)
    for level in closer:
        side = level[0].width
        half = side / 4  # of a face
        x0, y0 = (half + (1 - 2 * half / n) * n * t for n, t in ((width, x), (height, y)))
        assert any(inside(view, x0, y0, half) for view in level)


@given(sides, sides)
def test_views_get_closer_and_stay_in_the_frame(width, height):
    levels = views(width, height)
    widths = [level[0].width for level in levels]
    assert widths == sorted(set(widths), reverse=True)
    for level in levels[1:]:
        for view in level:
            assert view.width == view.height >= CLOSEST
            assert view.width / 2 <= view.x <= width - view.width / 2
            assert view.height / 2 <= view.y <= height - view.height / 2


@pytest.mark.parametrize(("size", "counts"), [((1280, 720), [1, 3, 21]), ((300, 200), [1])])
def test_known_frames(size, counts):
    assert [len(level) for level in views(*size)] == counts
