"""The code location: pulls sources, drives dbt and the gate, computes gaps, publishes releases."""
