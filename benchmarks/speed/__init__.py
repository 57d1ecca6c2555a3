"""Parts of benchmarks/throughput.py: a counting server, the peers, and their processes."""
