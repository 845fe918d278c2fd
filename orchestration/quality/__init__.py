"""Runs the suites in expectations/ and turns their results into verdicts."""
