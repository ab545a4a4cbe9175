"""Bounded jobs of an operator, as functions: data in, data out, and nothing printed."""
