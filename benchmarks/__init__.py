"""What the service does in figures, beside what it is compared with, on the same machine in the same run."""
