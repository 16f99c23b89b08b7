"""Where weights come from: the package, the cache, the Hub and other sources."""
