"""Operation of runs around their steps: verbs init, run, plan and verify, locks, journal, repair, jobs given up, summary and notification."""
