"""From a release, an exported file or the demo generator to arrays in memory."""
