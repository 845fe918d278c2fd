"""What runs, when, and what it waits for. Only this package and the module definitions import Dagster."""
