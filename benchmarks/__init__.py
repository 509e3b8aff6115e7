"""What it costs, beside what others cost, measured in one run: `make bench`."""
