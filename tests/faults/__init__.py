"""Real processes in trouble: bad networks, clocks, disks, and too few descriptors."""
