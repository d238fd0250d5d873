import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoal.backbones.placeholder import Placeholder

COLOUR = st.tuples(*[st.integers(0, 255)] * 3)


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((1, 32, 32, 3), colour, dtype=np.uint8)


@given(COLOUR)
def test_a_plain_picture_is_its_colour_and_has_no_edges(colour: tuple[int, int, int]) -> None:
    vectors = Placeholder().embed(plain(colour))
    expected = np.array(colour) / 255
    np.testing.assert_allclose(vectors["colour"][0], expected, atol=1e-6)
    np.testing.assert_allclose(vectors["grid"][0].reshape(16, 3), np.tile(expected, (16, 1)), atol=1e-6)
    np.testing.assert_array_equal(vectors["edges"], 0)


def test_the_grid_is_read_row_by_row() -> None:
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[0, 8:16, 16:24, 1] = 255
    grid = Placeholder().embed(image)["grid"][0].reshape(4, 4, 3)
    assert np.argwhere(grid).tolist() == [[1, 2, 1]]
    assert grid[1, 2, 1] == 1


def test_edges_are_sorted_by_direction() -> None:
    ramp = np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None, :, None], 3, axis=2)
    right = np.repeat(ramp, 32, axis=0)[None]
    down = right.transpose(0, 2, 1, 3)
    edges = Placeholder().embed(np.concatenate([right, down, right[:, :, ::-1]]))["edges"]
    # 8 grey levels a pixel, everywhere: to the right is sector 0, downwards is sector 4 of 8.
    np.testing.assert_allclose(edges[0], np.eye(8)[0] * 8 / 255, rtol=1e-5)
    np.testing.assert_allclose(edges[1], np.eye(8)[4] * 8 / 255, rtol=1e-5)
    np.testing.assert_allclose(edges[2], edges[0], atol=1e-7)


def test_clusters_of_colour_come_apart_in_the_last_layer() -> None:
    random = np.random.default_rng(0)
    centres = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]])
    noise = random.integers(-35, 36, (30, 32, 32, 3))
    images = (np.repeat(centres, 10, axis=0)[:, None, None] + noise).astype(np.uint8)
    backbone = Placeholder()
    vectors = backbone.embed(images)[backbone.layers()[-1].name]
    distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    same = np.repeat(np.arange(3), 10)[:, None] == np.repeat(np.arange(3), 10)
    assert distance[same].max() * 5 < distance[~same].min()
