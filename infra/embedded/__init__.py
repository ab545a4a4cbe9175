"""Servers out of Python wheels, for the demo and the tests: nothing has to be installed beside the environment."""
