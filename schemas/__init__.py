"""The wire: what crosses the border of the system, one module per topic (contract.md)."""
