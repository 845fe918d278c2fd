"""What `benchmarks.sources` pulls: one case per kind of source, each with invented data of any size."""
