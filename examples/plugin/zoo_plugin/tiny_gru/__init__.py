"""An architecture for an existing task: text generation with one GRU layer."""
