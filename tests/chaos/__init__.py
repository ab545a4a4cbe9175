"""Everything at once while everything breaks, held against the model (docs/testing.md)."""
