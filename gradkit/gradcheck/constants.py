"""Numbers of the gradient check: properties of float64, parts of a whole, and limits.

Everything else is computed from the noise of f and from the claim.
"""

from __future__ import annotations

import numpy as np

# --- floating point (IEEE 754) ------------------------------------------------------------

EPS = float(np.finfo(np.float64).eps)
EPS32 = float(np.finfo(np.float32).eps)

SHORTEST = float(np.finfo(np.float64).tiny)
"""The shortest step: float64 holds smaller numbers with fewer digits."""

# --- parts of a whole ---------------------------------------------------------------------

TENTH = 0.1
"""An entry is known on its own scale if an error of this part of it would be detected.

An error by a sign, a factor of two or a missing entry is larger. A claim in single precision may be
off by this part of its terms. Along a direction, no entry has more than 1 / `TENTH` times the
effect of the median entry.
"""

HUNDREDTH = 0.01
"""A slope is known well enough if it is known to this part: a kink that changes it less is ignored,
and a claim that is not finite is wrong. The shortest step is known to this part in spite of the
rounding of the parameter. Also the distance at which curvature is measured, relative to the
parameters."""

SMALL = 1e-3
"""A quantity with less than this part of a whole is small beside it.

Noise of this part of all that parameters do to f is too loud for a check; entries of this part of
their array's largest are checked on its scale; entries whose effects differ by more have units of
their own; a lossy f may hide this part of itself (a stair of -log(1 - a), where 1 - a is 30
roundings, has the height log(31/30) of 33). `SMALL` ** 2 is negligible: entries below `SMALL` are
checked to a millionth of the largest, two claims that differ by more are random, and noise that
looks smooth nearby is smaller.
"""

FAINT = 1e-4
"""Entries with less than this part of the others' effect on f get a step as if they had so much. A
second, longer step resolves them on their own scale."""

SLIGHT = 1e-5
"""A relative error that a precise f always shows. A tolerance is proposed for smaller ones; a
mistake in a formula is larger."""

CLEAR = 1e-8
"""A first step is so long that noise changes a slope by no more than this part. Smaller errors are
not reported, to avoid wrong accusations."""

# --- errors -------------------------------------------------------------------------------

FEW = 16
"""Number of roundings that f or a correct claim may be off without any visible cause. Noise of
more than twice as many is not rounding of f: precision was lost, or noise was added."""

MOVED = 5
"""Number of roundings by which the point may differ where the claim, or f, was computed. With
`FEW`, two of 210 right gradients of nets at a minimum stay open."""

MARGIN = 300
"""Number of roundings that a claim, as a sum of products, may contain; and the multiple of the
error at the best step of a central difference, ``slope · (noise / (slope · scale))^(2/3)`` (Gill,
Murray & Wright, Practical Optimization, 8.6), that a noisy f excuses."""

HALF = 0.03
"""Upper limit of the rounding of a claim, for half precision: four roundings of bfloat16."""

SPREAD = 3
"""Noise is three standard deviations. Measured in a table of six points, it is known to this
factor, so that a noisy f needs so many times the certainty of a precise one. Two noises differ if
their ratio is more than its square."""

# --- steps --------------------------------------------------------------------------------

POINTS = (0.0, *np.cumsum(np.sqrt([1, 5, 2, 10, 3, 11, 1, 7, 6, 2, 13])).tolist())
"""Points at which noise is measured. No distance is a multiple of another, because a periodic noise
can be hidden between evenly spaced points. The first six are a table: a cubic takes four of them,
and the rest tell the noise (Moré & Wild find six to eight enough). If there is noise, all twelve
are used, since six tell it only to a factor of three."""

NEAR = 1e-7
"""Spacing of a table in parts of each parameter: so near that f is smooth."""

BALANCE = 0.3
"""Factor of the step at which noise and truncation of a smooth f are equal, the cube root of noise
over slope. There noise, which is known, is ten times the truncation. Also the truncation that a
first step may have, relative to `CLEAR`."""

RATIO = 4.0
"""Ratio of neighbouring steps. A larger one separates noise from truncation better, a smaller one
comes closer to the best step; with Richardson's own, 2, terms of high order cancel best. The
longest step is one step of the ladder short of the scale, and the longest first step two."""

ORDERS = 3
"""Estimates for each step: plain, and extrapolated once and twice. More add only noise. A claim is
refuted on a ladder of two more steps, if these are longer: with fewer, noise may turn out to be
larger."""

GROWS = 2.0
"""Changes that grow by less from each step to the next are no convergent series: for an f with a
slope they grow fourfold, for a root twofold, for a logarithm not at all. Truncation is at least the
change to the next step divided by this."""

MAX_STEPS = 26
"""Steps of a ladder: enough to reach from a rounding of the parameter to all of it."""

# --- amounts of work ----------------------------------------------------------------------

MAX_SINGLE_ENTRIES = 3000
"""Number of entries up to which each is checked and reported by itself."""

SAMPLE_SIZE = 32
"""Number of entries that are checked first, drawn at random, in arrays of more than twice as many.
If half as many entries of an array are wrong, no further ones are checked."""

MAX_ITEMS = 8
"""Most things that are examined or described one by one: directions (two are enough if noise hides
little), candidates for a single wrong entry, wrong parameters of a large problem, and entries in
the text of a report."""

STACKED_NUMBERS = 1_000_000
"""Most numbers in the arrays of one call of a vectorized f: 8 MB."""

PROGRESS_DELAY = 2.0
"""Seconds before a terminal shows the progress of a check."""
