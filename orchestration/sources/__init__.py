"""Pull: one module per source system, each writes the raw zone."""
