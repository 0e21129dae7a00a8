"""The benchmarks behind docs/performance.md. Most modules are commands."""
