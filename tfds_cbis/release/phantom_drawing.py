"""Phantom mammograms and lesions, drawn from a random generator."""

from collections.abc import Callable

import cv2
import numpy as np

#: Lesions are drawn this many times larger and then averaged down.
OVERSAMPLING = 4

Generator = np.random.Generator


def mammogram(rng: Generator, *, side: str, view: str) -> tuple[np.ndarray, np.ndarray]:
    """Draws a breast without lesions.

    Args:
      rng: source of all randomness.
      side: 'LEFT' or 'RIGHT'; the chest wall is at that side's edge of the film.
      view: 'CC' or 'MLO'; the latter shows the pectoral muscle.

    Returns:
      The film, float32 [height, width] in grey levels 0..255, and where there is breast
      other than muscle, bool [height, width].
    """
    # Multiples of 16: sizes that a fast Fourier transform likes.
    height, width = 16 * int(rng.integers(25, 31)), 16 * int(rng.integers(19, 23))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    centre = height * rng.uniform(0.47, 0.55)
    reach, half = width * rng.uniform(0.82, 0.92), height * rng.uniform(0.43, 0.47)
    radius = np.hypot(x / reach, (y - centre) / half)
    breast = radius < 1
    skin = np.clip((1 - radius) * 8, 0, 1)
    gland = np.exp(-2.2 * np.hypot((x - 0.4 * reach) / reach, (y - centre) / half) ** 2)
    film = skin * (60 + 50 * gland + (9 + 15 * gland) * texture(rng, height, width))
    tissue = breast
    if view == "MLO":
        depth, foot = width * rng.uniform(0.25, 0.35), height * rng.uniform(0.45, 0.6)
        muscle = np.clip((1 - x / depth - y / foot) * 12, 0, 1)
        film += skin * 55 * muscle
        tissue = breast & (muscle == 0)
    film += breast * rng.standard_normal(film.shape, np.float32) * 1.5
    if side == "RIGHT":
        film, tissue = film[:, ::-1], tissue[:, ::-1]
    return np.ascontiguousarray(film, np.float32), np.ascontiguousarray(tissue)


def texture(rng: Generator, height: int, width: int) -> np.ndarray:
    """Noise with the power-law spectrum of parenchyma, mean 0 and deviation 1, [height, width].

    Made at half the size, as the spectrum leaves little in the octave above: both must be even.
    """
    full, (height, width) = (width, height), (height // 2, width // 2)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    white = rng.standard_normal((height, width), np.float32)
    spectrum = np.fft.rfft2(white) * (frequency**-1.5).astype(np.float32)
    noise = np.fft.irfft2(spectrum, (height, width))
    return cv2.resize(noise / noise.std(), full, interpolation=cv2.INTER_CUBIC)


def place(rng: Generator, tissue: np.ndarray, size: int) -> tuple[int, int] | None:
    """Draws the corner x, y of a free square of tissue, or None where there is none."""
    room = cv2.distanceTransform(tissue.astype(np.uint8), cv2.DIST_C, 3)
    margin = size // 2 + 2
    room[:margin] = room[-margin:] = 0
    room[:, :margin] = room[:, -margin:] = 0
    rows, columns = np.nonzero(room > margin)
    if not len(rows):
        return None
    pick = rng.integers(len(rows))
    return int(columns[pick]) - size // 2, int(rows[pick]) - size // 2


def benign_mass(rng: Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A circumscribed ellipse with a thin halo.

    Args:
      rng: source of all randomness.
      size: side of the square to draw in, pixels.

    Returns:
      What to add to the film, float32 [size, size] in 0..1 of the contrast, and the lesion's
      outline, uint8 [size, size], 0 or 255. The other lesions return the same.
    """
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    angle, aspect = rng.uniform(0, np.pi), rng.uniform(0.7, 1)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = (y * np.cos(angle) - x * np.sin(angle)) / aspect
    distance = np.hypot(along, across) * 2.2 / size
    body = np.clip((1 - distance) * size / 5, 0, 1) * (1 - 0.15 * distance**2)
    halo = 0.25 * np.exp(-(((distance - 1.06) * 14) ** 2))
    return (body - halo).astype(np.float32), np.where(distance < 1, 255, 0).astype(np.uint8)


def malignant_mass(rng: Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """An irregular core with spicules that radiate from it."""
    centre = size / 2
    bearing = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = np.full(bearing.shape, size * 0.22)
    for order in range(2, 7):
        wave = np.cos(order * bearing + rng.uniform(0, 2 * np.pi))
        radius += size * 0.22 * rng.uniform(0, 0.5 / order) * wave
    core = centre + radius[:, None] * np.stack([np.cos(bearing), np.sin(bearing)], 1)
    strokes = []
    count = int(rng.integers(13, 20))
    for turn in range(count):
        angle = 2 * np.pi * (turn + rng.uniform(-0.3, 0.3)) / count
        bend = angle + rng.uniform(-0.25, 0.25)
        middle = centre + size * 0.25 * np.array([np.cos(angle), np.sin(angle)])
        length = size * rng.uniform(0.36, 0.48)
        end = centre + length * np.array([np.cos(bend), np.sin(bend)])
        strokes.append(np.stack([np.full(2, centre), middle, end]))

    def draw(canvas: np.ndarray, zoom: float) -> None:
        cv2.polylines(
            canvas, [_fixed(line, zoom) for line in strokes], False, 205, round(zoom * 1.3)
        )
        cv2.fillPoly(canvas, [_fixed(core, zoom)], 255)

    return _average(draw, size, blur=0.7), _outline(np.concatenate([core, *strokes]), size)


def benign_calcifications(rng: Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A few large round calcifications, scattered, some with a lucent centre."""
    count = int(rng.integers(4, 8))
    grains = _spread(rng.uniform(-1, 1, (count, 2)), size, margin=5)
    radii = rng.uniform(2.2, 3.8, count)
    lucent = rng.random(count) < 0.3

    def draw(canvas: np.ndarray, zoom: float) -> None:
        for grain, radius, hollow in zip(grains, radii, lucent, strict=True):
            at = tuple(int(v) for v in _fixed(grain, zoom))
            cv2.circle(canvas, at, round(radius * zoom), 255, -1)
            if hollow:
                cv2.circle(canvas, at, round(radius * zoom * 0.4), 90, -1)

    return _average(draw, size, blur=0.5), _outline(grains, size, margin=5)


def malignant_calcifications(rng: Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Many fine grains of different shapes along branching lines."""
    branches = []
    for angle in rng.uniform(0, np.pi) + np.arange(3) * np.pi / 3:
        count = int(rng.integers(11, 18))
        along = rng.uniform(-1, 1, count)[:, None]
        line = np.array([np.cos(angle), np.sin(angle)])
        branches.append(along * line + rng.normal(0, 0.13, (count, 2)))
    grains = _spread(np.concatenate(branches), size, margin=3)
    axes = rng.uniform(0.5, 1.3, (len(grains), 2))
    turns, levels = rng.uniform(0, 180, len(grains)), rng.integers(170, 256, len(grains))

    def draw(canvas: np.ndarray, zoom: float) -> None:
        for grain, axis, turn, level in zip(grains, axes, turns, levels, strict=True):
            at = tuple(int(v) for v in _fixed(grain, zoom))
            half = (max(1, round(axis[0] * zoom * 1.4)), max(1, round(axis[1] * zoom)))
            cv2.ellipse(canvas, at, half, float(turn), 0, 360, int(level), -1)

    return _average(draw, size, blur=0.4), _outline(grains, size, margin=3)


#: (abnormality type, pathology) -> how to draw the lesion.
LESIONS: dict[tuple[str, str], Callable[[Generator, int], tuple[np.ndarray, np.ndarray]]] = {
    ("mass", "BENIGN"): benign_mass,
    ("mass", "MALIGNANT"): malignant_mass,
    ("calcification", "BENIGN"): benign_calcifications,
    ("calcification", "MALIGNANT"): malignant_calcifications,
}
#: Grey levels that a lesion adds at most; the classes share one range, so that brightness
#: alone does not tell them apart.
CONTRAST = (45, 90)


def _spread(points: np.ndarray, size: int, margin: float) -> np.ndarray:
    """Stretches points to fill the square but for a margin, so that all classes fill it alike."""
    low, high = points.min(0), points.max(0)
    return margin + (points - low) / (high - low) * (size - 1 - 2 * margin)


def _fixed(points: np.ndarray, zoom: float) -> np.ndarray:
    return np.round(points * zoom).astype(np.int32)


def _average(draw: Callable[[np.ndarray, float], None], size: int, blur: float) -> np.ndarray:
    canvas = np.zeros((size * OVERSAMPLING, size * OVERSAMPLING), np.uint8)
    draw(canvas, OVERSAMPLING)
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), blur)


def _outline(points: np.ndarray, size: int, margin: int = 1) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(_fixed(points, 1)), 255)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    return cv2.dilate(mask, kernel)
