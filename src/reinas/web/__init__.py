"""The live page: a store in the browser, read-only, while searches run."""
