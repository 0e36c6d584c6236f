"""Pure statistics: sufficient statistics in, verdicts out. No I/O, no clock, no first-party import."""
