"""The worker: takes queued runs, starts their trainers as processes, watches and ends them, does the chores."""
