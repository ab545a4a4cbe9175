"""What a vårdcentral may ask for: one module per command, each judged by C3 first and then by its own rule."""
