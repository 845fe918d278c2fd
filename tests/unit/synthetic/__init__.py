"""Tests of the generated registry."""
