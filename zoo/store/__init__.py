"""Finding and downloading weights: the package, the cache, the Hub and other sources."""
