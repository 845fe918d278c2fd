"""How fast the pipeline is beside hand-written scripts that count the same; `make bench` runs it."""
