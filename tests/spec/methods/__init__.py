"""The statistics as readable cases: formula, source and a worked example each; docs/methods.md is made of them."""
