"""What steps are handed to work with: the folder of a run, its progress and its lock. No step's own work."""
