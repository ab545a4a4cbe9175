"""What every run looks like to the operator: its preview, its progress, and `fastlakare runs`."""
