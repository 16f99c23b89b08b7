"""The state of a request: slots, values and questions after each message."""
