"""How much the property tests search: briefly by default, the same examples every time in `ci`.

`HYPOTHESIS_PROFILE=ci` takes a fixed number of examples from a fixed seed, so that a run depends
on the code alone. `HYPOTHESIS_PROFILE=search` looks for as long as a night is.
"""

import os

from hypothesis import HealthCheck, settings

# No deadline: on a shared machine the time of one example says nothing about the code.
settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile(
    "ci",
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
