"""From the command line and TOML files to objects."""
