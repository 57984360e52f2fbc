"""How hypothesis chooses its examples in these tests."""

from hypothesis import HealthCheck, settings


def use_the_same_examples() -> None:
    """Let each run try the same examples, and let none fail because the machine is busy.

    `--hypothesis-profile=default` looks for others.
    """
    settings.register_profile(
        "the same",
        derandomize=True,
        # both go by the clock on the wall
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("the same")
