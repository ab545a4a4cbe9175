"""Input partitions that stopped: `fastlakare partition`."""
