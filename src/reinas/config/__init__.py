"""From the command line and TOML files to the objects of a search.

A setting has one dotted key everywhere: `trials`, `space.name`, `space.depth`,
`policy.learning_rate`, `recipe.epochs`. Later sources win: a file, options, key=value pairs.
"""
