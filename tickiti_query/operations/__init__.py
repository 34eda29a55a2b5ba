"""Operations: probes, metrics, traces, and the port that serves them."""
