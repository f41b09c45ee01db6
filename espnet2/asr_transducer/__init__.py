"""Stand-alone transducers (upstream's task `asr_transducer`)."""
