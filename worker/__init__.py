"""The worker: takes queued runs, starts their trainers, watches and ends them, does the chores."""
