"""What tests share: databases, brokers, probes, the given-when-then helper."""
