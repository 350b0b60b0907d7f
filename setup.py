"""What pyproject.toml cannot say: a wheel holds `examples/` inside of `trainer`.

The examples stay at the top of the repository, where they are looked for; installed there, they
would be a package of everybody's.
"""

from setuptools import find_packages, setup

PACKAGES = ("trainer", "model", "data_pipeline")
"""Exactly these three, whatever other directories lie beside them."""

setup(
    packages=[
        *find_packages(include=[pattern for name in PACKAGES for pattern in (name, f"{name}.*")]),
        "trainer.examples",
    ],
    package_dir={"trainer.examples": "examples"},
    package_data={
        "trainer.examples": ["**/*"],
        "trainer.serving": ["page.html"],
        **{name: ["py.typed"] for name in PACKAGES},
    },
)
