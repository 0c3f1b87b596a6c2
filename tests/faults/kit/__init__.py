"""What injects faults: scripted sockets, a relay that falls ill, failpoints, clocks, and counts of what a process holds."""
