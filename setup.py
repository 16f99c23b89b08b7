"""The packages of the wheel: all of zoo/, and recipes/ as zoo.recipes. setup.cfg has the rest."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["zoo", "zoo.*"]), "zoo.recipes"])
