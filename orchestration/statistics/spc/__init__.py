"""Run and control charts: limits by kind of chart, rules that read them, which chart suits which series."""
