"""What surrounds the steps of a run: locks, journal, jobs given up, the summary, who is told, workers elsewhere."""
