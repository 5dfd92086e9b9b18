import numpy as np

from detectors.objects import likeness, new_buildings


def test_a_new_roof_is_found_and_an_old_one_is_not():
    random = np.random.default_rng(1)
    soil = np.array([0.45, 0.36, 0.22], np.float32)[:, None, None]
    before = (soil + random.normal(0, 0.03, (1, 200, 200))).astype(np.float32)
    old_roof = 0.55 + random.normal(0, 0.02, (1, 40, 30))
    before[:, 20:60, 20:50] = old_roof
    after = (soil + random.normal(0, 0.03, (1, 200, 200))).astype(np.float32)
    after[:, 20:60, 20:50] = old_roof + random.normal(0, 0.005, (1, 40, 30))
    after[:, 100:140, 110:150] = 0.6
    found = new_buildings(before, after, np.ones((200, 200), bool), 0.5) > 0
    assert found[105:135, 115:145].mean() > 0.9
    assert found[25:55, 25:45].mean() < 0.1


def test_an_image_is_like_itself_and_unlike_its_negative():
    image = np.random.default_rng(2).random((3, 60, 60)).astype(np.float32)
    assert likeness(image, image, 4.0).min() > 0.99
    assert likeness(image, 1 - image, 4.0).max() < -0.99
